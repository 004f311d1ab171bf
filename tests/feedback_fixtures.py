"""Tickets of merchants in three languages, in words that no theme has as its own texts."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Final

from livewarden.times import DAY_MS, HOUR_MS, MINUTE_MS

START: Final = 1_772_409_600_000
MARKETS: Final = {"en": "IE", "de": "DE", "fr": "FR"}
WORDS: Final = {
    "violation-dispute": {
        "en": ["we never broke your policy", "this violation makes no sense, all goods are original"],
        "de": ["wir haben nie gegen die Richtlinien verstoßen", "dieser Verstoß stimmt nicht, alles ist Originalware"],
        "fr": ["nous n'avons jamais enfreint le règlement", "cette violation n'a pas de sens, tout est authentique"],
    },
    "live-cut": {
        "en": ["you cut off our LIVE again", "the stream stopped in the middle of selling"],
        "de": ["unser LIVE wurde schon wieder abgebrochen", "der Stream wurde beim Verkaufen unterbrochen"],
        "fr": ["notre LIVE a encore été coupé", "le direct a été interrompu pendant la vente"],
    },
    "payout-held": {
        "en": ["where is our payout", "our balance is still blocked"],
        "de": ["wo bleibt unsere Auszahlung", "unser Guthaben ist weiter gesperrt"],
        "fr": ["où est notre paiement", "notre solde est encore bloqué"],
    },
    "traffic-drop": {
        "en": ["hardly anybody views our shop", "orders collapsed this week"],
        "de": ["kaum noch Zuschauer bei uns", "die Bestellungen sind diese Woche eingebrochen"],
        "fr": ["presque plus de spectateurs", "les commandes se sont effondrées cette semaine"],
    },
    "technical": {
        "en": ["the app keeps crashing", "we cannot log in since the update"],
        "de": ["die App stürzt ständig ab", "wir können uns seit dem Update nicht anmelden"],
        "fr": ["l'application plante sans cesse", "impossible de se connecter depuis la mise à jour"],
    },
    "": {
        "en": ["the parcel label printer prints twice", "how do we change our warehouse address"],
        "de": ["der Etikettendrucker druckt doppelt", "wie ändern wir unsere Lageradresse"],
        "fr": ["l'imprimante d'étiquettes imprime deux fois", "comment changer l'adresse de notre entrepôt"],
    },
}
GREETINGS: Final = {"en": ["hello", "hi team", "please help"], "de": ["hallo", "guten Tag", "bitte um Hilfe"],
                    "fr": ["bonjour", "bonsoir", "merci de votre aide"]}  # fmt: skip


@dataclass(frozen=True)
class Ticket:
    """A ticket with the theme that it was written for."""

    ticket_id: str
    shop: str
    language: str
    at_ms: int
    text: str
    theme: str

    @property
    def market(self) -> str:
        return MARKETS[self.language]


def write(draw: random.Random, ticket_id: str, theme: str, language: str, shop: str, at_ms: int) -> Ticket:
    text = f"{draw.choice(GREETINGS[language])}, {draw.choice(WORDS[theme][language])}"
    return Ticket(ticket_id, shop, language, at_ms, text, theme)


def background(count: int = 5_000, seed: int = 1, days: int = 35) -> list[Ticket]:
    """Tickets of 700 shops, evenly over the days and hours, in time order."""
    draw = random.Random(seed)
    made = []
    for number in range(count):
        shop = draw.randrange(700)
        language = ("en", "de", "fr")[shop % 3]
        at = START + draw.randrange(days * DAY_MS)
        made.append(write(draw, f"k{number}", draw.choice(list(WORDS)), language, f"s{shop}", at))
    return sorted(made, key=lambda each: each.at_ms)


def planted(at_ms: int, theme: str = "live-cut", seed: int = 2) -> list[Ticket]:
    """Forty tickets of 25 shops in three languages over six hours."""
    draw = random.Random(seed)
    shops = [(f"p{n}", ("en", "de", "fr")[n % 3]) for n in range(25)]
    return [
        write(draw, f"planted{n}", theme, language, shop, at_ms + draw.randrange(6 * HOUR_MS))
        for n, (shop, language) in enumerate(shops + shops[:15])
    ]


def one_angry_shop(at_ms: int) -> list[Ticket]:
    """84 tickets of one shop within three hours."""
    draw = random.Random(3)
    return [write(draw, f"angry{n}", "live-cut", "de", "angry", at_ms + n * 2 * MINUTE_MS) for n in range(84)]
