"""What Power BI does, by hand: reads the metadata, follows an OData feed to its end, and asks a hunting query by GET.

In Power BI itself, with an account of an organisation and BASE for the address of the server:

    OData.Feed(BASE & "/api/Alerts", null, [Implementation = "2.0", MoreColumns = true])

    let Response = Json.Document(Web.Contents(BASE & "/api/advancedqueries", [Query = [key = "DeviceEvents | count"]]))
    in Table.FromRecords(Response[Results])
"""
import xml.etree.ElementTree as xml

from bartizan_api import Api, quoted

EDM = "{http://docs.oasis-open.org/odata/ns/edm}"
TYPES = {"Double", "Int64", "Int32", "Int16", "UInt64", "UInt32", "UInt16", "Byte", "Single", "Decimal", "TimeSpan", "DateTime", "String", "Boolean", "SByte", "Guid", "Object"}


def main():
    api = Api()
    headers = {"Authorization": "Bearer " + api.token}
    metadata = xml.fromstring(api.open(api.of["base_url"] + "/api/$metadata", headers=headers))
    types = {kind.get("Name"): {one.get("Name") for one in kind.iter(EDM + "Property")} for kind in metadata.iter(EDM + "EntityType")}
    sets = {one.get("Name"): one.get("EntityType").split(".")[-1] for one in metadata.iter(EDM + "EntitySet")}
    served = {one["name"] for one in api.call("GET", "/api")["value"]}
    if served != set(sets):
        raise SystemExit(f"the service document has {served}, the metadata {set(sets)}")
    for name in ("machines", "Alerts", "MACHINEACTIONS"):
        known = next(types[kind] for set_name, kind in sets.items() if set_name.lower() == name.lower())
        rows, link = [], f"{api.of['base_url']}/api/{name}"
        while link:
            page = api.call("GET", link.removeprefix(api.of["base_url"]))
            rows += page["value"]
            link = page.get("@odata.nextLink")
        unknown = {column for row in rows for column in row} - known
        if unknown:
            raise SystemExit(f"{name} has columns that are not declared: {unknown}")
        print(f"{name}: {len(rows)} rows of {len(known)} columns")
    answer = api.call("GET", "/api/advancedqueries?key=" + quoted("DeviceProcessEvents | summarize Events = count() by DeviceName"))
    if not {column["Type"] for column in answer["Schema"]} <= TYPES:
        raise SystemExit(f"Power BI does not know a type of {answer['Schema']}")
    print(f"hunting: {len(answer['Results'])} rows")


if __name__ == "__main__":
    main()
