"""What people wrap around a problem, and what technicians note of any: hand-written, as untidy as they are."""

from __future__ import annotations

GREETINGS = (
    "Selamat pagi,", "pagi pak", "Dear IT Team,", "dear all,", "Hi,", "halo min", "mas", "Yth. Tim IT,",
    "Assalamualaikum", "siang mbak,", "Hello helpdesk,", "permisi", "min", "Good morning team,",
)  # fmt: skip
CLOSINGS = (
    "mohon dibantu ya", "tlg dibantu secepatnya", "thx", "terima kasih", "pls asap",
    "makasih banyak sebelumnya", "URGENT!!", "tks", "mohon arahannya", "thanks in advance", "ditunggu ya",
    "can someone come?", "sudah lapor <ticket> blm ada respon", "kalau bisa sebelum <time>",
    "hub saya di <phone>", "ext <ext>",
)  # fmt: skip
SIGNATURES = (
    "--\n<name>\n<dept> | ext. <ext>", "Regards,\n<name>", "<name> - <dept>", "salam, <name> <phone>",
    "Sent from my iPhone", "user: <user>", "Lokasi: <floor>\nAset: <asset>", "(dilaporkan via WA oleh <name>)",
    "BR,\n<name>, <dept> Dept. <city>",
)  # fmt: skip
FORWARDS = (
    "-----Forwarded message-----\nFrom: <name> <dept>\nSubject: FW: tolong dibantu\n", "Fwd: RE: RE: kendala\n",
    "From: <user>@contoh.example\nTo: helpdesk@contoh.example\nSubject: (no subject)\n", "[WA <time>] <name>: ",
)  # fmt: skip
ALSO = (
    "sekalian", "oh ya", "btw", "also", "sama satu lagi,", "kedua,", "and one more thing:", "selain itu",
    "plus", "2.",
)  # fmt: skip
BUT_FIRST = (
    "tapi yg lebih penting:", "but the main issue:", "yang urgent sekarang", "tapi skrg yg bikin stop kerja:",
    "more important,",
)  # fmt: skip
VAGUE = (
    "masih sama seperti kemarin, <ticket> ditutup padahal belum beres", "kambuh lagi pak yg minggu lalu",
    "same problem as <ticket>, please reopen", "error lagi, lihat screenshot",
    "tidak bisa, mohon dicek di <floor>", "doesn't work, see attachment",
    "kok masih belum bisa ya? user <user>", "tolong ke meja saya, <floor>",
)  # fmt: skip
ANY_SOLVING = (
    "done", "sudah ok", "remote user, selesai", "follow up via WA", "closed by user", "visit ke lokasi, ok",
    "user dihubungi, tidak ada jawaban", "duplicate <ticket>", "monitoring", "restart, normal kembali",
    "handled by <name>", "selesai jam <time>", "eskalasi ke L2",
)  # fmt: skip
