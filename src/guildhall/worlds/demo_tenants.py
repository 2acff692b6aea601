"""The customers of the demo: internet providers and companies, none of them real."""

from datetime import date, timedelta
from uuid import UUID

from msgspec import Struct
from psycopg.types.json import Jsonb

from guildhall.worlds.demo_names import full_name
from guildhall.worlds.ground import Connection, chance, copy, made_id, midnight

HISTORY_DAYS = 548  # eighteen months
_TRIAL_DAYS = 20

# slug | name | city, region code, country | currency | plan | status
_ROWS = """
acme-fiber          | Acme Fiber               | Tulsa, OK, US         | USD | scale      | active
harborline          | Harborline Broadband     | Portland, ME, US      | USD | scale      | active
cedar-valley        | Cedar Valley Telecom     | Cedar Falls, IA, US   | USD | growth     | active
blue-mesa           | Blue Mesa Wireless       | Durango, CO, US       | USD | growth     | active
prairie-link        | Prairie Link             | Salina, KS, US        | USD | growth     | active
summit-ridge        | Summit Ridge Networks    | Bozeman, MT, US       | USD | scale      | active
lakeshore           | Lakeshore Internet       | Duluth, MN, US        | USD | growth     | active
redwood-coop        | Redwood Fibre Co-op      | Eureka, CA, US        | USD | essentials | active
quickwater          | Quickwater Cable         | Spokane, WA, US       | USD | growth     | active
ironwood            | Ironwood Logistics       | Tucson, AZ, US        | USD | growth     | active
granite-peak        | Granite Peak Hosting     | Concord, NH, US       | USD | scale      | active
northgate           | Northgate Manufacturing  | Dayton, OH, US        | USD | growth     | active
tidewater           | Tidewater Marine         | Norfolk, VA, US       | USD | essentials | active
oakfield-dental     | Oakfield Dental Group    | Lansing, MI, US       | USD | essentials | active
brightwell          | Brightwell Insurance     | Omaha, NE, US         | USD | scale      | active
alpenglow           | Alpenglow Internet       | Innsbruck, T, AT      | EUR | growth     | active
costa-verde         | Costa Verde Telecom      | Gijon, O, ES          | EUR | growth     | active
thistle             | Thistle Broadband        | Perth, PKN, GB        | GBP | growth     | active
severn-valley       | Severn Valley Fibre      | Worcester, WOR, GB    | GBP | essentials | active
maple-credit        | Maple Street Credit Union | Burlington, VT, US   | USD | growth     | active
evergreen-housing   | Evergreen Housing Trust  | Olympia, WA, US       | USD | essentials | active
willow-energy       | Willow Creek Energy      | Casper, WY, US        | USD | scale      | active
sandpiper           | Sandpiper Resorts        | Savannah, GA, US      | USD | essentials | trial
ridgeway            | Ridgeway Freight         | Knoxville, TN, US     | USD | growth     | suspended
pinecrest           | Pinecrest Clinics        | Asheville, NC, US     | USD | growth     | active
silverbrook         | Silverbrook Hotels       | Santa Fe, NM, US      | USD | growth     | active
kestrel             | Kestrel Aviation         | Wichita, KS, US       | USD | scale      | active
stonebridge         | Stonebridge Law          | Boston, MA, US        | USD | essentials | active
juniper-foods       | Juniper Foods            | Boise, ID, US         | USD | growth     | active
copperline          | Copperline Rail          | Butte, MT, US         | USD | growth     | active
meadowlark          | Meadowlark Media         | Lincoln, NE, US       | USD | essentials | trial
fairhaven           | Fairhaven Hospital       | New Bedford, MA, US   | USD | scale      | active
quarry-lake         | Quarry Lake Schools      | Columbus, OH, US      | USD | essentials | active
alderfinch          | Alder & Finch Hosting    | Bristol, BST, GB      | GBP | scale      | active
cascadia            | Cascadia Holdings HQ     | Seattle, WA, US       | USD | scale      | active
cascadia-timber     | Cascadia Timber          | Eugene, OR, US        | USD | growth     | active
cascadia-ports      | Cascadia Ports           | Tacoma, WA, US        | USD | scale      | active
cascadia-energy     | Cascadia Energy          | Yakima, WA, US        | USD | scale      | active
cascadia-foods      | Cascadia Foods           | Salem, OR, US         | USD | growth     | active
cascadia-rail       | Cascadia Rail            | Everett, WA, US       | USD | growth     | active
cascadia-clinics    | Cascadia Clinics         | Bend, OR, US          | USD | essentials | trial
"""
_STREETS = ("Mill Street", "Harbour Road", "Station Avenue", "Canal Row", "Market Square", "Foundry Lane")
_REGIONS = {"US": "us-east", "AT": "eu-central", "ES": "eu-west", "GB": "uk-south"}


class Tenant(Struct, frozen=True):
    """One customer. `since` is when its data begins; `second_currency` is set where it bills in two."""

    slug: str
    name: str
    city: str
    country: str
    currency: str
    plan: str
    status: str
    since: date
    second_currency: str = ""

    @property
    def id(self) -> UUID:
        """Return the tenant's id, the same in every demo."""
        return tenant_id(self.slug)


def tenant_id(slug: str) -> UUID:
    """Return the id of the demo tenant with `slug`."""
    return made_id("tenant", slug)


def tenants(today: date) -> list[Tenant]:
    """Return the demo's tenants as of `today`."""
    return [_tenant(line, today) for line in _ROWS.strip().splitlines()]


def _tenant(line: str, today: date) -> Tenant:
    slug, name, place, currency, plan, status = (cell.strip() for cell in line.split("|"))
    city, _, country = place.split(", ")
    age = _TRIAL_DAYS if status == "trial" else HISTORY_DAYS
    second = "EUR" if slug == "harborline" else ""
    return Tenant(slug, name, city, country, currency, plan, status, today - timedelta(days=age), second)


def seed_tenants(connection: Connection, cast: list[Tenant]) -> None:
    """Write the tenants."""
    copy(
        connection,
        "tenancy.tenant",
        "id external_id name slug domain status plan_type contact_name contact_email contact_phone address"
        " region currency users_max created_at updated_at",
        (_row(number, tenant) for number, tenant in enumerate(cast)),
    )


def _row(number: int, tenant: Tenant) -> tuple[object, ...]:
    luck = chance("tenant", tenant.slug)
    address = {
        "street": f"{luck.randint(1, 240)} {luck.choice(_STREETS)}",
        "city": tenant.city,
        "postal_code": str(luck.randint(10000, 98999)),
        "country": tenant.country,
    }
    born = midnight(tenant.since)
    email = f"admin@{tenant.slug}.example"
    return (
        tenant.id,
        f"T-{1000 + number}",
        tenant.name,
        tenant.slug,
        f"{tenant.slug}.example",
        tenant.status,
        tenant.plan,
        full_name(email),
        email,
        f"+1 555 01{number:02}",
        Jsonb(address),
        _REGIONS[tenant.country],
        tenant.currency,
        {"essentials": 25, "growth": 100, "scale": 500}[tenant.plan],
        born,
        born,
    )
