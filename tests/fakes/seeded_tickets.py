"""Tickets with people in them, English and Indonesian, made of a seed; nobody in them is real.

The names are a list of their own. ``announced`` tickets say that a name follows ("my name is", "Pak", "regards"),
the others ("the laptop of …") leave it to whoever knows names.
"""

from __future__ import annotations

from dataclasses import dataclass
from random import Random

_GIVEN = """
Anneke Bagaskoro Callista Danuarta Eirlys Fransiska Gilbert Hardiyanti Ilham Jovanka Kasimir Lestari Maximilian
Nursyahbani Oktavian Pramoedya Quentin Rahmawati Siddharta Tjokorda Ursula Vimala Wisnumurti Xaverius Yustisia
Zulaikha Agnieszka Benedikt Chandrika Dragomir Eleonora Febriyanti Guillermo Hendrawan Ingeborg Jayanti Kusumawati
Lukasz Meilinda Nathaniel Oyvind Purnamawati Radityo Sukmawati Theodora Umberto Vikram Wilhelmina Yehuda Zainuddin
"""
GIVEN = _GIVEN.split()
_FAMILY = """
Abimanyu Brandstetter Cokrominoto Dharmawangsa Esfandiari Fjeldstad Gandasubrata Hartawan Iskandarsyah Jankovic
Kowalczyk Lembong Mangunkusumo Notohadinegoro Okonkwo Partakusuma Quisumbing Ranggawarsita Sastroamidjojo Tarigan
Utomo Vandenberghe Wignjosoebroto Xanthopoulos Yamaguchi Zabolotny Adikusumo Bhattacharya Castellanos Djunaedi
Eriksson Fernandes Gunadarma Hutapea Ignatowski Joyohadikusumo Kartawidjaja Lindqvist Mulyadi Nasution Oberhauser
Panggabean Rosenthal Sitanggang Thorvaldsen Ullrich Villanueva Wardhana Yudhoyono Zimmermann
"""
FAMILY = _FAMILY.split()

ANNOUNCED = (
    "My name is {name} and I cannot open the mail client since the update.",
    "Dear {name}, the printer on floor 3 is jammed again, error 0x80070005.",
    "VPN keeps dropping every 10 minutes on build 10.0.19045.\n\nKind regards,\n{name}",
    "Please contact {name} at {phone} about ticket INC0240010.",
    "The token of Mrs. {name} has expired, please send a new one to {email}.",
    "Reported by {name}: the scanner does not find the network share.",
    "Nama saya {name}, tidak bisa masuk ke email sejak 2026-11-21.",
    "Pak {name} minta akses ke aplikasi keuangan, NIK {nik}.",
    "Yth. Bapak {name}, mohon bantuan karena layar biru terus.",
    "Mohon hubungi {name} di {phone} kalau sudah selesai ya.",
    "Laptop lambat sekali, tolong dicek.\nTerima kasih,\n{name}",
    "Ada tagihan Rp 1.250.000 atas nama {name}, kartu {card}.",
    "Sdri. {name} lupa kata sandi, kirim ke {email} ya.",
    "Hi {name}, wifi di lantai 2 mati lagi.",
    "Charged twice on card {card}, please refund. Thanks, {name}",
)
OTHERS = (
    "{name} cannot log in since Monday, number {phone}.",
    "The laptop of {name} does not start any more.",
    "Akun {name} terkunci, email {email}.",
    "tolong reset password untuk {name}, NIK {nik}",
    "Access to the share for {name} was refused, card {card} is fine.",
)
DISTRICTS = ("3171", "3273", "3578", "1271", "5171", "7371", "3404")


@dataclass(frozen=True)
class Ticket:
    """``values``: what was seeded, but for ``name``."""

    text: str
    name: str
    announced: bool
    values: tuple[str, ...]


def seeded_tickets(count: int, seed: int, announced: float = 0.8) -> list[Ticket]:
    random = Random(seed)
    return [_ticket(random, random.random() < announced) for _ in range(count)]


def _ticket(random: Random, announced: bool) -> Ticket:
    name = f"{random.choice(GIVEN)} {random.choice(FAMILY)}"
    made = {"email": _email(random, name), "phone": _phone(random), "card": _card(random), "nik": _nik(random)}
    template = random.choice(ANNOUNCED if announced else OTHERS)
    values = tuple(value for kind, value in made.items() if f"{{{kind}}}" in template)
    return Ticket(template.format(name=name, **made), name, announced, values)


def _email(random: Random, name: str) -> str:
    given, family = name.lower().split()
    user = random.choice(
        (f"{given}.{family}", f"{given[0]}{family}", f"{family}_{random.randint(10, 99)}", f"{given}+it")
    )
    return f"{user}@{random.choice(('pt-maju.co.id', 'example.org', 'mail.kantor.go.id', 'contoso.com'))}"


def _phone(random: Random) -> str:
    prefix, tail = random.choice(("811", "812", "813", "821", "852", "857", "878")), _digits(random, 8)
    return random.choice(
        (
            f"0{prefix}{tail}",
            f"0{prefix}-{tail[:4]}-{tail[4:]}",
            f"+62 {prefix} {tail[:4]} {tail[4:]}",
            f"+62{prefix}{tail}",
            f"62{prefix}{tail}",
            f"(021) 5{tail[:3]}-{tail[3:7]}",
            f"+1 212-{random.randint(200, 999)}-{tail[:4]}",
            f"+44 20 7946 {tail[:4]}",
        )
    )


def _card(random: Random) -> str:
    prefix, length = random.choice((("4", 16), ("52", 16), ("5412", 16), ("37", 15), ("6011", 16)))
    body = prefix + _digits(random, length - len(prefix) - 1)
    number = body + str(_check_digit(body))
    if length == 15:
        return random.choice((number, f"{number[:4]} {number[4:10]} {number[10:]}"))
    groups = [number[at : at + 4] for at in range(0, 16, 4)]
    return random.choice((number, " ".join(groups), "-".join(groups)))


def _check_digit(body: str) -> int:
    doubled = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(body))]
    return -sum(each - 9 if each > 9 else each for each in doubled) % 10


def _nik(random: Random) -> str:
    day = random.randint(1, 28) + random.choice((0, 40))
    born = f"{day:02}{random.randint(1, 12):02}{random.randint(55, 99):02}"
    number = f"{random.choice(DISTRICTS)}{random.randint(1, 20):02}{born}{random.randint(1, 40):04}"
    return random.choice((number, number, f"{number[:4]} {number[4:8]} {number[8:12]} {number[12:]}"))


def _digits(random: Random, count: int) -> str:
    return "".join(str(random.randint(2, 9)) for _ in range(count))
