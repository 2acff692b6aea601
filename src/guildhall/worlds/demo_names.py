"""Names of people, one for each address, always the same."""

from itertools import product

from guildhall.worlds.ground import chance

_FIRST = [
    "Ana",
    "Omar",
    "Priya",
    "Lukas",
    "Mei",
    "Samuel",
    "Ingrid",
    "Diego",
    "Fatima",
    "Tomasz",
    "Grace",
    "Hiro",
    "Leila",
    "Marcus",
    "Nadia",
    "Oskar",
    "Paloma",
    "Ravi",
    "Sofia",
    "Theo",
    "Uma",
    "Victor",
    "Wanda",
    "Yusuf",
    "Zoe",
    "Amara",
    "Bruno",
    "Carmen",
    "Dmitri",
    "Elena",
    "Felix",
    "Greta",
    "Hassan",
    "Irene",
    "Jonas",
    "Kaya",
    "Liam",
    "Marta",
    "Noor",
    "Petra",
]
_LAST = [
    "Ruiz",
    "Haddad",
    "Nair",
    "Weber",
    "Chen",
    "Okafor",
    "Lindqvist",
    "Morales",
    "Rahman",
    "Kowalski",
    "Bennett",
    "Tanaka",
    "Farouk",
    "Reed",
    "Petrov",
    "Hansen",
    "Navarro",
    "Iyer",
    "Marino",
    "Laurent",
    "Desai",
    "Novak",
    "Zielinski",
    "Demir",
    "Clarke",
    "Mensah",
    "Costa",
    "Vidal",
    "Orlov",
    "Castro",
    "Braun",
    "Fischer",
    "Aziz",
    "Walsh",
    "Keller",
    "Yilmaz",
    "Murphy",
    "Silva",
    "Karim",
    "Horvat",
]
_ALL = [f"{first} {last}" for first, last in product(_FIRST, _LAST)]

# The people whom the demo's story is about.
_KNOWN = {
    "principal@northwind.example": "Maya Holloway",
    "salesperson@northwind.example": "Owen Pruitt",
    "technical@northwind.example": "Linnea Dahl",
    "finance@northwind.example": "Gareth Munro",
    "viewer@northwind.example": "Bea Castellan",
    "msp_full@northwind.example": "Ana Ruiz",
    "msp_billing@northwind.example": "Idris Coleman",
    "msp_support@northwind.example": "Tomas Verhoeven",
    "auditor@northwind.example": "Helene Sato",
    "lead@halcyon.example": "Corinne Abara",
}


def full_name(email: str) -> str:
    """Return the name of the person with address `email`: the one it spells, or one that is always the same."""
    local = email.split("@", 1)[0]
    if "." in local:
        return local.replace(".", " ").title()
    return _KNOWN.get(email) or chance("person", email).choice(_ALL)


def names(*parts: object, count: int) -> list[str]:
    """Return `count` different names for the thing that `parts` name."""
    return chance("names", *parts).sample(_ALL, count)
