"""Contract clauses, hand-written, in English and Indonesian.

Many harmless clauses use the words of a harmful one ("shall not renew automatically"), so that a
contract's words carry a real but partial signal.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

RISKY: dict[str, tuple[str, ...]] = {
    "unlimited_liability": (
        "The buyer's liability under this agreement is unlimited.",
        "Buyer shall indemnify the supplier against all losses without any limitation of liability.",
        "Tanggung jawab pembeli atas kerugian tidak dibatasi.",
        "No cap applies to damages payable by the buyer, whether direct or consequential.",
    ),
    "no_termination": (
        "The buyer waives any right to terminate this agreement before the end of the term.",
        "This agreement may be terminated by the supplier only.",
        "Pembeli tidak berhak mengakhiri perjanjian ini sebelum jangka waktu berakhir.",
        "Early termination by the buyer obliges it to pay all remaining instalments at once.",
    ),
    "auto_renewal": (
        "This agreement renews automatically for successive terms of two years.",
        "Unless cancelled 180 days in advance, the term is extended automatically at the then current prices.",
        "Perjanjian ini diperpanjang secara otomatis tanpa pemberitahuan.",
    ),
    "late_fee": (
        "A late fee of 5% per week applies to any overdue amount.",
        "Denda keterlambatan sebesar 2% per hari dikenakan atas jumlah terutang.",
        "Overdue invoices carry compound interest of 4% per month and collection costs.",
    ),
    "price_change": (
        "The supplier may adjust prices at any time without notice.",
        "Harga dapat diubah sepihak oleh pemasok sewaktu-waktu.",
        "Prices follow the supplier's list as amended at its sole discretion.",
    ),
    "no_warranty": (
        "Goods are supplied as is, without warranty of any kind.",
        "Pemasok tidak memberikan jaminan atas mutu barang.",
        "All warranties, express or implied, are excluded, and returns are not accepted.",
    ),
    "prepayment": (
        "The full contract price is payable in advance and is not refundable.",
        "Pembayaran 100% di muka dan tidak dapat dikembalikan.",
    ),
    "no_delivery_duty": (
        "Delivery dates are estimates; the supplier is not liable for any delay.",
        "Keterlambatan pengiriman bukan merupakan wanprestasi pemasok.",
        "The supplier may suspend deliveries at its sole discretion.",
    ),
}

CALMING: tuple[str, ...] = (
    "The liability of each party is limited to the value of the contract.",
    "Tanggung jawab para pihak dibatasi sebesar nilai kontrak.",
    "Either party may terminate this agreement with 30 days' written notice.",
    "Para pihak dapat mengakhiri perjanjian ini dengan pemberitahuan tertulis 30 hari sebelumnya.",
    "This agreement shall not renew automatically; an extension needs both signatures.",
    "Perpanjangan tidak berlaku secara otomatis dan memerlukan persetujuan tertulis.",
    "Prices are fixed for the term and may not be changed without written consent.",
    "The supplier warrants the goods for 24 months and replaces defective ones free of charge.",
    "For late delivery the supplier pays 0.5% of the order value per week, at most 5%.",
    "Denda keterlambatan pengiriman ditanggung pemasok, paling banyak 5% dari nilai pesanan.",
    "The buyer may audit the supplier's books and premises once a year.",
    "The supplier carries liability insurance of at least two million dollars.",
)

NEUTRAL: tuple[str, ...] = (
    "Invoices are payable within 30 days of receipt.",
    "Pembayaran dilakukan dalam 45 hari setelah faktur diterima.",
    "Payment terms are net 60.",
    "This agreement is governed by the laws of the Republic of Indonesia.",
    "Perselisihan diselesaikan secara musyawarah, kemudian melalui BANI di Jakarta.",
    "Disputes are settled by arbitration in Singapore.",
    "Goods are delivered DAP to the buyer's warehouse.",
    "Barang diserahkan di gudang pembeli pada hari kerja.",
    "Both parties keep the terms of this agreement confidential.",
    "Para pihak wajib menjaga kerahasiaan isi perjanjian ini.",
    "Neither party is liable for delay caused by force majeure.",
    "Keadaan kahar membebaskan para pihak dari kewajiban selama keadaan itu berlangsung.",
    "Notices are given in writing to the addresses stated above.",
    "Orders are placed by e-mail and confirmed within two working days.",
    "The supplier complies with applicable labour and environmental laws.",
    "Amendments to this agreement are valid only in writing.",
    "Perubahan atas perjanjian ini hanya sah bila dibuat secara tertulis.",
    "The term of this agreement is two years from the date of signature.",
    "Jangka waktu perjanjian ini adalah satu tahun sejak ditandatangani.",
    "Title passes to the buyer upon full payment.",
    "The fee schedule is set out in annex A.",
    "Materai dan pajak menjadi tanggungan masing-masing pihak sesuai ketentuan.",
)

KINDS = tuple(RISKY)


def contract(rng: np.random.Generator, harmful: Sequence[str]) -> str:
    """A contract of the ``harmful`` kinds of clauses, harmless ones around them, in any order."""
    parts = [_one(rng, RISKY[kind]) for kind in harmful]
    parts += _some(rng, CALMING, max(0, int(rng.integers(0, 5)) - len(harmful)))
    parts += _some(rng, NEUTRAL, int(rng.integers(4, 11)))
    return " ".join(parts[place] for place in rng.permutation(len(parts)))


def _one(rng: np.random.Generator, wordings: Sequence[str]) -> str:
    return wordings[int(rng.integers(len(wordings)))]


def _some(rng: np.random.Generator, wordings: Sequence[str], count: int) -> list[str]:
    return [wordings[place] for place in rng.choice(len(wordings), size=count, replace=False)]
