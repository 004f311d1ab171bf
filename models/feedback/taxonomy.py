"""The seeded taxonomy: themes that merchants are known to write about, in words that they use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Theme:
    """A theme: an id that never changes its meaning, its name, and texts that it is known by, by language.

    `named`: whether people gave it its name; one that was only proposed has none.
    """

    theme_id: str
    name: str
    seeds: Mapping[str, Sequence[str]]
    named: bool = True


SEEDED: Final = (
    Theme(
        "violation-dispute",
        "Violation disputed",
        {
            "en": (
                "I did not violate any policy",
                "the violation is wrong, my product is original",
                "unfair penalty points",
            ),
            "de": (
                "ich habe gegen keine Richtlinie verstoßen",
                "der Verstoß ist falsch, das Produkt ist original",
                "Strafpunkte zu Unrecht",
            ),
            "fr": (
                "je n'ai enfreint aucune règle",
                "la violation est une erreur, le produit est authentique",
                "points de pénalité injustes",
            ),
            "es": (
                "no he infringido ninguna norma",
                "la infracción es un error, el producto es original",
                "puntos de penalización injustos",
            ),
        },
    ),
    Theme(
        "live-cut",
        "LIVE interrupted",
        {
            "en": (
                "my LIVE was cut off",
                "the livestream was interrupted in the middle of the show",
                "stream ended suddenly",
            ),
            "de": (
                "mein LIVE wurde abgebrochen",
                "der Livestream wurde mitten in der Sendung unterbrochen",
                "Stream plötzlich beendet",
            ),
            "fr": (
                "mon LIVE a été coupé",
                "le direct a été interrompu en pleine émission",
                "diffusion arrêtée soudainement",
            ),
            "es": ("mi LIVE fue cortado", "la transmisión en directo se interrumpió", "directo terminado de repente"),
        },
    ),
    Theme(
        "no-reason",
        "No reason given",
        {
            "en": ("no reason was given", "nobody tells me why", "please explain the decision"),
            "de": ("es wurde kein Grund genannt", "niemand sagt mir warum", "bitte begründen Sie die Entscheidung"),
            "fr": ("aucune raison n'a été donnée", "personne ne me dit pourquoi", "veuillez expliquer la décision"),
            "es": ("no se dio ninguna razón", "nadie me dice por qué", "por favor expliquen la decisión"),
        },
    ),
    Theme(
        "appeal-unanswered",
        "Appeal not answered",
        {
            "en": (
                "my appeal was never answered",
                "waiting for weeks for an answer to my appeal",
                "appeal still pending",
            ),
            "de": (
                "mein Einspruch wurde nie beantwortet",
                "warte seit Wochen auf Antwort auf den Einspruch",
                "Einspruch noch offen",
            ),
            "fr": (
                "mon recours est sans réponse",
                "j'attends depuis des semaines une réponse à mon appel",
                "recours toujours en cours",
            ),
            "es": (
                "mi apelación no tuvo respuesta",
                "espero desde hace semanas respuesta a la apelación",
                "apelación pendiente",
            ),
        },
    ),
    Theme(
        "payout-held",
        "Payout held back",
        {
            "en": ("my payout is held", "money is frozen, I was not paid", "withdrawal of my balance blocked"),
            "de": ("meine Auszahlung wird zurückgehalten", "Geld eingefroren, nicht ausgezahlt", "Guthaben gesperrt"),
            "fr": ("mon paiement est retenu", "argent bloqué, je n'ai pas été payé", "retrait de mon solde bloqué"),
            "es": ("mi pago está retenido", "dinero congelado, no me han pagado", "retiro de mi saldo bloqueado"),
        },
    ),
    Theme(
        "traffic-drop",
        "Viewers or orders fell",
        {
            "en": ("my views dropped", "no traffic any more, hardly any viewers", "orders collapsed since yesterday"),
            "de": (
                "meine Aufrufe sind eingebrochen",
                "keine Reichweite mehr, kaum Zuschauer",
                "Bestellungen seit gestern eingebrochen",
            ),
            "fr": (
                "mes vues ont chuté",
                "plus de trafic, presque aucun spectateur",
                "commandes effondrées depuis hier",
            ),
            "es": (
                "mis visitas han caído",
                "sin tráfico, casi sin espectadores",
                "los pedidos se han hundido desde ayer",
            ),
        },
    ),
    Theme(
        "product-rejected",
        "Product not approved",
        {
            "en": ("my product was rejected in review", "listing not approved", "product audit takes too long"),
            "de": (
                "mein Produkt wurde bei der Prüfung abgelehnt",
                "Angebot nicht freigegeben",
                "Produktprüfung dauert zu lange",
            ),
            "fr": (
                "mon produit a été refusé lors du contrôle",
                "annonce non approuvée",
                "la vérification du produit est trop longue",
            ),
            "es": (
                "mi producto fue rechazado en la revisión",
                "anuncio no aprobado",
                "la auditoría del producto tarda demasiado",
            ),
        },
    ),
    Theme(
        "technical",
        "Technical fault",
        {
            "en": ("the app crashes", "I cannot log in", "upload fails with an error message"),
            "de": ("die App stürzt ab", "ich kann mich nicht anmelden", "Hochladen scheitert mit Fehlermeldung"),
            "fr": (
                "l'application plante",
                "je ne peux pas me connecter",
                "le téléversement échoue avec un message d'erreur",
            ),
            "es": ("la aplicación se cierra", "no puedo iniciar sesión", "la carga falla con un mensaje de error"),
        },
    ),
)
"""In the order in which they are shown."""
