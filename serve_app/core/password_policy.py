"""Which passwords are taken: long ones, whatever they are made of (NIST SP 800-63B)."""

from __future__ import annotations

LEAST, MOST, DIFFERENT = 12, 256, 5


def password_problem(name: str, password: str) -> str | None:
    """What was expected; None where it fits."""
    if not LEAST <= len(password) <= MOST or "\x00" in password or not password.isprintable():
        return f"{LEAST} to {MOST} characters that can be printed"
    if len(set(password)) < DIFFERENT:
        return f"at least {DIFFERENT} different characters"
    if len(name) > 3 and name.lower() in password.lower():
        return "one that does not hold the name"
    return None
