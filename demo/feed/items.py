"""Generates items of a ticketing company's demand table, from a seed.

Attribute values have the form that boto3's client takes: DynamoDB JSON, with binaries as ``bytes``.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from random import Random
from typing import Any

Attribute = dict[str, Any]
Item = dict[str, Attribute]

_CITIES = (
    ("Berlin", "DE", "52.52", "13.405"),
    ("København", "DK", "55.6761", "12.5683"),
    ("São Paulo", "BR", "-23.5505", "-46.6333"),
    ("東京", "JP", "35.6762", "139.6503"),
    ("Nashville", "US", "36.1627", "-86.7816"),
)
_CURRENCIES = ("USD", "EUR", "GBP", "DKK", "JPY")
_GENRES = ("Rock", "Jazz", "Opera", "Comedy", "Football", "Théâtre")
_SECTIONS = ("A", "B", "C", "Floor", "Balcony 2")


def text(value: str) -> Attribute:
    """Return a text attribute."""
    return {"S": value}


def number(value: object) -> Attribute:
    """Return a number attribute."""
    return {"N": str(value)}


class ItemMaker:
    """Makes items of each record type.

    Parameters
    ----------
    random
        Source of all random values.
    """

    def __init__(self, random: Random) -> None:
        self._random = random
        self._made = 0
        self._makers: dict[str, Callable[[datetime], Item]] = {
            "demand": self._demand,
            "sale": self._sale,
            "event": self._event,
            "notification": self._notification,
        }

    @property
    def record_types(self) -> tuple[str, ...]:
        """The record types of the items."""
        return tuple(self._makers)

    def item(self, record_type: str, now: datetime) -> Item:
        """Return a new item of a record type, with times about ``now``."""
        self._made += 1
        item = self._makers[record_type](now)
        identifier = f"{record_type.upper()}#{self._id()}"
        return {"pk": text(identifier), "sk": text("v0"), "type": text(record_type), **item}

    def changed(self, item: Item, now: datetime) -> Item:
        """Return a copy of an item in which some attributes have changed."""
        fresh = self._makers[item["type"]["S"]](now)
        names = self._random.sample(sorted(fresh), k=min(3, len(fresh)))
        return {**item, **{name: fresh[name] for name in names}}

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

    def _money(self, most: int = 500) -> Attribute:
        return number(f"{self._random.randrange(100, most * 100) / 100:.2f}")

    def _iso(self, when: datetime) -> Attribute:
        return text(when.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"))

    def _epoch(self, when: datetime, units_per_second: int) -> Attribute:
        micros = (when - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
        return number(micros * units_per_second // 1_000_000)

    def _digest(self) -> Attribute:
        return {"B": sha256(self._id().encode()).digest()}

    def _demand(self, now: datetime) -> Item:
        _, _, latitude, longitude = self._choice(_CITIES)
        return {
            "demandId": text(f"d-{self._id()}"),
            "customerId": text(f"c-{self._random.randrange(5000)}"),
            "eventId": text(f"e-{self._random.randrange(200)}"),
            "channel": text(self._choice(("WEB", "MOBILE_APP", "BOX_OFFICE", "PARTNER_API"))),
            "status": text(self._choice(("ACTIVE", "OFFERED", "FULFILLED", "CANCELLED"))),
            "requestedSeats": number(self._random.randint(1, 8)),
            "requestedAt": self._iso(now),
            **self._maybe(
                {
                    "maxPrice": self._money(),
                    "currency": text(self._choice(_CURRENCIES)),
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
                    "latitude": number(latitude),
                    "longitude": number(longitude),
                    "propensityScore": number(f"0.{self._random.randrange(1, 10**20):020d}"),
                    "eventPageViews": number(self._random.randrange(10**6)),
                    "campaignCode": text(f"CAMP-{self._random.randrange(40)}"),
                    "referrer": {"NULL": True},
                    "experiments": {"M": {"checkout": text("B"), "map": text("control")}},
                    "updatedAt": self._epoch(now, 1000),
                    "ttl": self._epoch(now + timedelta(days=90), 1),
                }
            ),
        }

    def _sale(self, now: datetime) -> Item:
        quantity = self._random.randint(1, 6)
        price = self._random.randrange(2000, 40000)
        seats = [
            {
                "M": {
                    "section": text(self._choice(_SECTIONS)),
                    "row": text(self._choice(("1", "2", "AA"))),
                    "number": number(seat),
                    "faceValue": number(f"{price / 100:.2f}"),
                }
            }
            for seat in range(1, quantity + 1)
        ]
        return {
            "saleId": text(f"s-{self._id()}"),
            "orderId": text(f"o-{self._id()}"),
            "customerId": text(f"c-{self._random.randrange(5000)}"),
            "eventId": text(f"e-{self._random.randrange(200)}"),
            "paymentMethod": text(self._choice(("CARD", "WALLET", "GIFT_CARD"))),
            "quantity": number(quantity),
            "unitPrice": number(f"{price / 100:.2f}"),
            "totalAmount": number(f"{price * quantity / 100:.2f}"),
            "currency": text(self._choice(_CURRENCIES)),
            "soldAt": self._iso(now),
            **self._maybe(
                {
                    "demandId": text(f"d-{self._id()}"),
                    "deliveryMethod": text(self._choice(("MOBILE", "WILL_CALL", "POST"))),
                    "fees": {"M": {"service": self._money(20), "facility": self._money(10)}},
                    "tax": number(f"{self._random.randrange(10**6) / 10**4:.4f}"),
                    "usdRate": number(f"1.{self._random.randrange(10**18):018d}"),
                    "seats": {"L": seats},
                    "isResale": {"BOOL": self._random.random() < 0.2},
                    "loyaltyPoints": number(self._random.randrange(10**5)),
                    "fraudScore": number(f"0.{self._random.randrange(10**6):06d}"),
                    "promotionCodes": {"SS": ["EARLY", f"P{self._random.randrange(9)}"]},
                    "receiptDigest": self._digest(),
                    "settledAt": self._epoch(now + timedelta(hours=2), 1000),
                    "refundedAt": self._epoch(now + timedelta(days=2), 1),
                }
            ),
        }

    def _event(self, now: datetime) -> Item:
        city, country, latitude, longitude = self._choice(_CITIES)
        starts = now + timedelta(days=self._random.randint(10, 200))
        return {
            "eventId": text(f"e-{self._random.randrange(200)}"),
            "name": text(f"{self._choice(_GENRES)} in {city}"),
            "status": text(self._choice(("ANNOUNCED", "PRESALE", "ON_SALE", "POSTPONED"))),
            "venue": {
                "M": {
                    "venueId": text(f"v-{self._random.randrange(50)}"),
                    "name": text(f"Arena {city}"),
                    "city": text(city),
                    "countryCode": text(country),
                    "latitude": number(latitude),
                    "longitude": number(longitude),
                }
            },
            "startsAt": self._iso(starts),
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
                    "capacity": number(self._random.randrange(500, 80_000)),
                    "seatsAvailable": number(self._random.randrange(80_000)),
                    "demandCount": number(self._random.randrange(10**7)),
                    "priceRanges": {
                        "M": {
                            level: {"M": {"lowest": self._money(50), "highest": self._money(900)}}
                            for level in ("Gold", "Silver")
                        }
                    },
                    "sectionCapacities": {"M": {s: number(100) for s in _SECTIONS}},
                    "currency": text(self._choice(_CURRENCIES)),
                    "averageRating": number(f"{self._random.randrange(500) / 100:.2f}"),
                    "ageRestricted": {"BOOL": False},
                    "presaleDates": {"L": [text(f"{starts:%Y-%m}-01")]},
                    "localDate": text(f"{starts:%Y-%m-%d}"),
                    "timeZone": text("Europe/Copenhagen"),
                    "onSaleAt": self._epoch(now + timedelta(days=3), 1),
                    "synchronizedAt": self._epoch(now, 1_000_000),
                    "seatMapDigest": self._digest(),
                }
            ),
        }

    def _notification(self, now: datetime) -> Item:
        return {
            "notificationId": text(f"n-{self._id()}"),
            "customerId": text(f"c-{self._random.randrange(5000)}"),
            "channel": text(self._choice(("EMAIL", "SMS", "PUSH"))),
            "status": text(self._choice(("QUEUED", "SENT", "DELIVERED", "BOUNCED"))),
            "templateId": text(f"template-{self._random.randrange(20)}"),
            **self._maybe(
                {
                    "demandId": text(f"d-{self._id()}"),
                    "eventId": text(f"e-{self._random.randrange(200)}"),
                    "templateVersion": number(self._random.randint(1, 9)),
                    "locale": text(self._choice(("en-US", "da-DK", "ja-JP"))),
                    "subject": text("Your seats are waiting \U0001f39f"),
                    "substitutions": {"M": {"first_name": text("Ana"), "seats": text("2")}},
                    "offeredPrice": self._money(),
                    "currency": text(self._choice(_CURRENCIES)),
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
                    "isTransactional": {"BOOL": self._random.random() < 0.3},
                    "engagementScore": number(f"0.{self._random.randrange(1000):03d}"),
                    "sentAt": self._iso(now),
                    "deliveredAt": self._epoch(now + timedelta(seconds=4), 1000),
                    "openedAt": self._epoch(now + timedelta(minutes=7), 1_000_000),
                }
            ),
        }
