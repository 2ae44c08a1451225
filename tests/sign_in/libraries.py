"""The libraries of the compatible service for Python, against a server: argument is its file of credentials."""

import json
import sys
import threading
from urllib.parse import parse_qsl, urlsplit

import msal
import requests
from azure.identity import CertificateCredential, ClientSecretCredential, DeviceCodeCredential
from cryptography import x509
from cryptography.hazmat.primitives import hashes

from forms import Browser

with open(sys.argv[1]) as file:
    CONNECTION = json.load(file)
BASE, AUTHORITY = CONNECTION["base_url"], CONNECTION["authority"]
SCOPES = [f"{BASE}/.default"]
NAMED = [f"{BASE}/Machine.Read", f"{BASE}/Alert.Read"]


def call(token, path="/api/machines?$top=1"):
    return requests.get(BASE + path, headers={"Authorization": f"Bearer {token}"}, timeout=30).status_code


def check(answer, what):
    assert "access_token" in answer, f"{what}: {answer}"
    status = call(answer["access_token"])
    assert status == 200, f"{what}: the API answers {status}"
    print(f"  {what}")
    return answer


def sign_in(browser, url):
    """From an address to the one that the app gets."""
    assert browser.open(url) is None, "already signed in"
    return browser.submit(username=CONNECTION["username"], password=CONNECTION["password"])


def approve(code):
    browser = Browser(BASE)
    assert sign_in(browser, f"{BASE}/device") is None
    assert browser.submit(user_code=code) is None
    assert "Is this yours?" in browser.page, browser.page
    assert browser.submit(decision="accept") is None
    assert "The device is signed in" in browser.page, browser.page


def confidential(credential, cache=None):
    return msal.ConfidentialClientApplication(
        CONNECTION["client_id"], client_credential=credential, authority=AUTHORITY, instance_discovery=False
    )


def public():
    return msal.PublicClientApplication(CONNECTION["public_client_id"], authority=AUTHORITY, instance_discovery=False)


def by_secret_and_certificate():
    check(confidential(CONNECTION["client_secret"]).acquire_token_for_client(SCOPES), "msal: secret")
    wrong = confidential("wrong").acquire_token_for_client(SCOPES)
    assert wrong["error"] == "invalid_client" and wrong["error_codes"] == [7000215], wrong
    with open(CONNECTION["client_certificate_file"]) as file:
        both = file.read()
    key = both[both.index("-----BEGIN PRIVATE KEY-----") :]
    public_part = both[: both.index("-----BEGIN PRIVATE KEY-----")]
    certificate = x509.load_pem_x509_certificate(public_part.encode())
    thumbprint = certificate.fingerprint(hashes.SHA1()).hex()
    for what, credential in [
        ("thumbprint", {"private_key": key, "thumbprint": thumbprint}),
        ("thumbprint and chain", {"private_key": key, "thumbprint": thumbprint, "public_certificate": public_part}),
        ("certificate alone, by PS256", {"private_key": key, "public_certificate": public_part}),
    ]:
        check(confidential(credential).acquire_token_for_client(SCOPES), f"msal: {what}")


def by_device_code():
    app = public()
    flow = app.initiate_device_flow(SCOPES)
    assert "user_code" in flow, flow
    approve(flow["user_code"])
    answer = check(app.acquire_token_by_device_flow(flow), "msal: device code")
    assert answer["id_token_claims"]["preferred_username"] == CONNECTION["username"], answer
    account = app.get_accounts()[0]
    assert account["username"] == CONNECTION["username"], account
    again = app.acquire_token_silent(SCOPES, account)
    assert again["access_token"] == answer["access_token"], "the cache has it"
    check(app.acquire_token_silent(SCOPES, account, force_refresh=True), "msal: refresh")
    check(app.acquire_token_silent(SCOPES, account, force_refresh=True), "msal: refresh by what the refresh gave")


def not_by_password():
    """The library asks port 443 before, so this is the request that it would make."""
    form = {"grant_type": "password", "client_id": CONNECTION["public_client_id"], "scope": " ".join(SCOPES)}
    form |= {"username": CONNECTION["username"], "password": CONNECTION["password"]}
    answer = requests.post(f"{AUTHORITY}/oauth2/v2.0/token", data=form, timeout=30)
    assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client"), answer.text
    print("  a password is refused where no administrator allowed it")


def by_code():
    for app, what in [(public(), "public"), (confidential(CONNECTION["client_secret"]), "confidential")]:
        flow = app.initiate_auth_code_flow(NAMED, redirect_uri="http://localhost:53682")
        landed = sign_in(Browser(BASE), flow["auth_uri"])
        assert landed.startswith("http://localhost:53682?"), landed
        query = dict(parse_qsl(urlsplit(landed).query))
        check(app.acquire_token_by_auth_code_flow(flow, query), f"msal: code and PKCE, {what} app")
        account = app.get_accounts()[0]
        check(app.acquire_token_silent(NAMED, account, force_refresh=True), f"msal: refresh, {what} app")
        replayed = app.acquire_token_by_auth_code_flow(flow, query)
        assert replayed.get("error") == "invalid_grant", replayed
        ended = app.acquire_token_silent_with_error(NAMED, account, force_refresh=True)
        assert ended["error"] == "invalid_grant", ended


def by_azure_identity():
    tenant, client = CONNECTION["tenant_id"], CONNECTION["client_id"]
    common = {"authority": BASE, "disable_instance_discovery": True}
    credential = ClientSecretCredential(tenant, client, CONNECTION["client_secret"], **common)
    assert call(credential.get_token(*SCOPES).token) == 200
    print("  azure-identity: secret")
    credential = CertificateCredential(tenant, client, CONNECTION["client_certificate_file"], **common)
    assert call(credential.get_token(*SCOPES).token) == 200
    print("  azure-identity: certificate")

    def prompted(uri, code, expires):
        assert uri == f"{BASE}/device", uri
        threading.Thread(target=approve, args=(code,)).start()

    credential = DeviceCodeCredential(
        CONNECTION["public_client_id"], tenant_id=tenant, prompt_callback=prompted, **common
    )
    assert call(credential.get_token(*SCOPES).token) == 200
    print("  azure-identity: device code")


by_secret_and_certificate()
by_device_code()
not_by_password()
by_code()
by_azure_identity()
