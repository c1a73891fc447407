"""Generates items of a ticketing company's demand table, from a seed.

Attribute values have the form that boto3's client takes: DynamoDB JSON, with binaries as ``bytes``.
What belongs together agrees: a sale has the customer, the event and the currency of its demand, and
costs no more than the customer would pay.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any, NamedTuple

Attribute = dict[str, Any]
Item = dict[str, Attribute]


class _City(NamedTuple):
    name: str
    country: str
    latitude: str
    longitude: str
    time_zone: str
    utc_offset_hours: int
    currency: str


_CITIES = (
    _City("Berlin", "DE", "52.52", "13.405", "Europe/Berlin", 1, "EUR"),
    _City("København", "DK", "55.6761", "12.5683", "Europe/Copenhagen", 1, "DKK"),
    _City("London", "GB", "51.5072", "-0.1276", "Europe/London", 0, "GBP"),
    _City("東京", "JP", "35.6762", "139.6503", "Asia/Tokyo", 9, "JPY"),
    _City("Nashville", "US", "36.1627", "-86.7816", "America/Chicago", -6, "USD"),
)
# US dollars for one unit, about.
_USD_RATES = {"USD": 1.0, "EUR": 1.08, "GBP": 1.27, "DKK": 0.145, "JPY": 0.0067}
_GENRES = ("Rock", "Jazz", "Opera", "Comedy", "Football", "Théâtre")
_SECTIONS = ("A", "B", "C", "Floor", "Balcony 2")
_CUSTOMERS = 2000
_EVENING = timedelta(hours=19)


def text(value: str) -> Attribute:
    """Return a text attribute."""
    return {"S": value}


def number(value: object) -> Attribute:
    """Return a number attribute."""
    return {"N": str(value)}


def epoch(when: datetime, units_per_second: int) -> Attribute:
    """Return a time as a number attribute, in units since 1970."""
    micros = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    return number(micros * units_per_second // 1_000_000)


def iso(when: datetime) -> Attribute:
    """Return a time as a text attribute, with milliseconds."""
    return text(when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))


class ItemMaker:
    """Makes new items, each for the items that it belongs to.

    Parameters
    ----------
    random
        Source of all random values.
    """

    def __init__(self, random: Random) -> None:
        self._random = random

    def customer(self) -> str:
        """Return a customer's identifier. Some customers come often, most come once."""
        return f"c-{int(_CUSTOMERS * self._random.random() ** 2) + 1}"

    def unmodelled(self) -> Item:
        """Return attributes that have no column."""
        return {
            "deviceFingerprint": {"M": {"os": text("iOS 26"), "depth": number("1E+3")}},
            "tags": {"SS": sorted({self._choice(_GENRES), "vip"})},
            "exactness": number("1234567895171680000000000000000000000000"),
        }

    def _id(self) -> str:
        return f"{self._random.getrandbits(48):012x}"

    def _choice(self, among: tuple[Any, ...]) -> Any:
        return self._random.choice(among)

    def _maybe(self, attributes: Item) -> Item:
        return {name: value for name, value in attributes.items() if self._random.random() < 0.75}

    def _new(self, record_type: str, attributes: Item) -> Item:
        identifier = f"{record_type.upper()}#{self._id()}"
        return {"pk": text(identifier), "sk": text("v0"), "type": text(record_type), **attributes}

    def _money(self, currency: str, least_usd: int, most_usd: int) -> Attribute:
        cents = self._random.randrange(least_usd * 100, most_usd * 100)
        return number(f"{cents / 100 / _USD_RATES[currency]:.2f}")

    def _digest(self) -> Attribute:
        return {"B": sha256(self._id().encode()).digest()}

    def event(self, now: datetime) -> Item:
        """Return an event that is announced now."""
        city = self._choice(_CITIES)
        day = datetime(now.year, now.month, now.day, tzinfo=UTC)
        day += timedelta(days=self._random.randint(10, 200))
        capacity = self._random.randrange(500, 80_000)
        money = self._money
        return self._new(
            "event",
            {
                "eventId": text(f"e-{self._id()}"),
                "name": text(f"{self._choice(_GENRES)} in {city.name}"),
                "status": text(self._choice(("ANNOUNCED", "PRESALE", "ON_SALE"))),
                "venue": {
                    "M": {
                        "venueId": text(f"v-{self._random.randrange(50)}"),
                        "name": text(f"Arena {city.name}"),
                        "city": text(city.name),
                        "countryCode": text(city.country),
                        "latitude": number(city.latitude),
                        "longitude": number(city.longitude),
                    }
                },
                "currency": text(city.currency),
                "startsAt": iso(day + _EVENING - timedelta(hours=city.utc_offset_hours)),
                **self._maybe(
                    {
                        "performers": {
                            "L": [
                                {
                                    "M": {
                                        "performerId": text(f"p-{self._random.randrange(80)}"),
                                        "name": text("Ørkenens Sønner"),
                                        "isHeadliner": {"BOOL": True},
                                    }
                                },
                                {"M": {"performerId": text(f"p-{self._random.randrange(80)}")}},
                            ]
                        },
                        "genres": {"SS": [self._choice(_GENRES)]},
                        "capacity": number(capacity),
                        "seatsAvailable": number(capacity),
                        "demandCount": number(0),
                        "priceRanges": {
                            "M": {
                                level: {
                                    "M": {
                                        "lowest": money(city.currency, 20, 50),
                                        "highest": money(city.currency, 60, 900),
                                    }
                                }
                                for level in ("Gold", "Silver")
                            }
                        },
                        "sectionCapacities": {"M": {s: number(100) for s in _SECTIONS}},
                        "averageRating": number(f"{self._random.randrange(500) / 100:.2f}"),
                        "ageRestricted": {"BOOL": False},
                        "presaleDates": {"L": [text(f"{day:%Y-%m}-01")]},
                        "localDate": text(f"{day:%Y-%m-%d}"),
                        "timeZone": text(city.time_zone),
                        "onSaleAt": epoch(now + timedelta(days=3), 1),
                        "synchronizedAt": epoch(now, 1_000_000),
                        "seatMapDigest": self._digest(),
                    }
                ),
            },
        )

    def demand(self, now: datetime, event: Item) -> Item:
        """Return what a customer asks for now, at an event."""
        city = self._choice(_CITIES)
        currency = event["currency"]["S"]
        return self._new(
            "demand",
            {
                "demandId": text(f"d-{self._id()}"),
                "customerId": text(self.customer()),
                "eventId": event["eventId"],
                "channel": text(self._choice(("WEB", "MOBILE_APP", "BOX_OFFICE", "PARTNER_API"))),
                "status": text("ACTIVE"),
                "requestedSeats": number(self._random.randint(1, 8)),
                "requestedAt": iso(now),
                "currency": text(currency),
                **self._maybe(
                    {
                        "maxPrice": self._money(currency, 20, 500),
                        "priceLevels": {"L": [text("Gold"), text("Silver")]},
                        "sectionRanking": {"M": {s: number(i) for i, s in enumerate(_SECTIONS, 1)}},
                        "accessibleSeating": {"BOOL": self._random.random() < 0.1},
                        "adjacentSeats": {"BOOL": self._random.random() < 0.8},
                        "party": {
                            "M": {
                                "adults": number(self._random.randint(1, 4)),
                                "children": number(self._random.randint(0, 3)),
                                "companionNames": {"L": [text("Ana"), text("Zoë")]},
                            }
                        },
                        "latitude": number(city.latitude),
                        "longitude": number(city.longitude),
                        "propensityScore": number(f"0.{self._random.randrange(1, 10**20):020d}"),
                        "eventPageViews": number(self._random.randrange(1000)),
                        "campaignCode": text(f"CAMP-{self._random.randrange(40)}"),
                        "referrer": {"NULL": True},
                        "experiments": {"M": {"checkout": text("B"), "map": text("control")}},
                        "updatedAt": epoch(now, 1000),
                        "ttl": epoch(now + timedelta(days=90), 1),
                    }
                ),
            },
        )

    def sale(self, now: datetime, event: Item, demand: Item | None) -> Item:
        """Return a sale that is made now.

        Parameters
        ----------
        now
            When it is made.
        event
            The event; not looked at if there is a demand.
        demand
            The demand that it fulfils, if one was captured.
        """
        wanted = demand or event
        currency = wanted["currency"]["S"]
        quantity = int(demand["requestedSeats"]["N"]) if demand else self._random.randint(1, 6)
        if self._random.random() < 0.2:
            quantity = self._random.randint(1, quantity)
        most = wanted.get("maxPrice") or self._money(currency, 20, 400)
        cents = int(float(most["N"]) * self._random.uniform(0.6, 1) * 100)
        price = number(f"{cents / 100:.2f}")
        seats = [
            {
                "M": {
                    "section": text(self._choice(_SECTIONS)),
                    "row": text(self._choice(("1", "2", "AA"))),
                    "number": number(seat),
                    "faceValue": price,
                }
            }
            for seat in range(1, quantity + 1)
        ]
        return self._new(
            "sale",
            {
                "saleId": text(f"s-{self._id()}"),
                "orderId": text(f"o-{self._id()}"),
                "customerId": demand["customerId"] if demand else text(self.customer()),
                "eventId": wanted["eventId"],
                **({"demandId": demand["demandId"]} if demand else {}),
                "paymentMethod": text(self._choice(("CARD", "WALLET", "GIFT_CARD"))),
                "quantity": number(quantity),
                "unitPrice": price,
                "totalAmount": number(f"{cents * quantity / 100:.2f}"),
                "currency": text(currency),
                "soldAt": iso(now),
                **self._maybe(
                    {
                        "deliveryMethod": text(self._choice(("MOBILE", "WILL_CALL", "POST"))),
                        "fees": {
                            "M": {
                                "service": self._money(currency, 1, 20),
                                "facility": self._money(currency, 1, 10),
                            }
                        },
                        "tax": number(f"{cents * quantity * self._random.random() / 500:.4f}"),
                        "usdRate": number(
                            f"{_USD_RATES[currency]:.4f}{self._random.randrange(10**14):014d}"
                        ),
                        "seats": {"L": seats},
                        "isResale": {"BOOL": self._random.random() < 0.2},
                        "loyaltyPoints": number(self._random.randrange(10**5)),
                        "fraudScore": number(f"0.{self._random.randrange(10**6):06d}"),
                        "promotionCodes": {"SS": ["EARLY", f"P{self._random.randrange(9)}"]},
                        "receiptDigest": self._digest(),
                    }
                ),
            },
        )

    def notification(self, now: datetime, about: Item) -> Item:
        """Return a message that is sent now.

        Parameters
        ----------
        now
            When it is sent.
        about
            The demand, sale or event that it tells of.
        """
        kind = about["type"]["S"]
        template = _TEMPLATES.get(about.get("status", {}).get("S", ""), _TEMPLATES[kind])
        seats = about.get("quantity") or about.get("requestedSeats")
        price = about.get("maxPrice") if template == _OFFER else None
        status = self._random.choices(("SENT", "QUEUED", "SUPPRESSED"), (85, 10, 5))[0]
        return self._new(
            "notification",
            {
                "notificationId": text(f"n-{self._id()}"),
                "customerId": about.get("customerId") or text(self.customer()),
                **{name: about[name] for name in ("demandId", "eventId") if name in about},
                "channel": text(self._choice(("EMAIL", "SMS", "PUSH"))),
                "status": text(status),
                "templateId": text(template),
                "isTransactional": {"BOOL": kind == "sale"},
                **({"sentAt": iso(now)} if status == "SENT" else {}),
                **self._maybe(
                    {
                        "templateVersion": number(self._random.randint(1, 9)),
                        "locale": text(self._choice(("en-US", "da-DK", "ja-JP"))),
                        "subject": text("Your seats are waiting \U0001f39f"),
                        "substitutions": {
                            "M": {
                                "first_name": text("Ana"),
                                **({"seats": text(seats["N"])} if seats else {}),
                            }
                        },
                        **({"offeredPrice": price} if price else {}),
                        "currency": about["currency"],
                        "attempts": number(self._random.randint(1, 5)),
                        "messageBytes": number(self._random.randrange(200_000)),
                        "provider": {
                            "M": {
                                "name": text("carrier"),
                                "messageId": text(self._id()),
                                "costUsd": number(f"0.00{self._random.randrange(10**7):07d}"),
                            }
                        },
                        "failureReasons": {"L": []},
                        "engagementScore": number(f"0.{self._random.randrange(1000):03d}"),
                    }
                ),
            },
        )


_OFFER = "seats-offered"
# By the status of the item that a message tells of, or else by its type.
_TEMPLATES = {
    "OFFERED": _OFFER,
    "demand": "demand-received",
    "sale": "tickets-sold",
    "event": "event-announced",
}
