// The library of the compatible service for Node.js, and a strict OpenID Connect client, against a server: argument is
// its file of credentials.

import assert from 'node:assert/strict';
import { X509Certificate, createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { ConfidentialClientApplication, CryptoProvider, PublicClientApplication } from '@azure/msal-node';
import * as oidc from 'openid-client';
import { Browser, approve } from './forms.mjs';

const connection = JSON.parse(readFileSync(process.argv[2]));
const { base_url: base, authority, client_id, client_secret, public_client_id, username, password } = connection;
const scopes = [`${base}/.default`];
const redirect = 'http://localhost:53683/';

const call = async (token, path = '/api/machines?$top=1') =>
  (await fetch(base + path, { headers: { authorization: `Bearer ${token}` } })).status;
const check = async (token, what) => {
  assert.equal(await call(token), 200, what);
  console.log(`  ${what}`);
};

async function signIn(url) {
  const browser = new Browser(base);
  assert.equal(await browser.open(url), null);
  const landed = await browser.submit({ username, password });
  assert.ok(landed?.startsWith(redirect), browser.page);
  return new URL(landed);
}

const auth = { authority, knownAuthorities: [new URL(base).host] };

async function msalNode() {
  const secret = new ConfidentialClientApplication({ auth: { ...auth, clientId: client_id, clientSecret: client_secret } });
  await check((await secret.acquireTokenByClientCredential({ scopes })).accessToken, 'msal-node: secret');

  const both = readFileSync(connection.client_certificate_file, 'utf8');
  const at = both.indexOf('-----BEGIN PRIVATE KEY-----');
  const thumbprintSha256 = createHash('sha256').update(new X509Certificate(both.slice(0, at)).raw).digest('hex');
  const clientCertificate = { thumbprintSha256, privateKey: both.slice(at), x5c: both.slice(0, at) };
  const certified = new ConfidentialClientApplication({ auth: { ...auth, clientId: client_id, clientCertificate } });
  await check((await certified.acquireTokenByClientCredential({ scopes })).accessToken, 'msal-node: certificate');

  const app = new PublicClientApplication({ auth: { ...auth, clientId: public_client_id } });
  const { verifier, challenge } = await new CryptoProvider().generatePkceCodes();
  const request = { scopes, redirectUri: redirect };
  const url = await app.getAuthCodeUrl({ ...request, codeChallenge: challenge, codeChallengeMethod: 'S256' });
  const code = (await signIn(url)).searchParams.get('code');
  const answer = await app.acquireTokenByCode({ ...request, code, codeVerifier: verifier });
  await check(answer.accessToken, 'msal-node: code and PKCE');
  assert.equal(answer.account.username, username);
  const silent = await app.acquireTokenSilent({ scopes, account: answer.account, forceRefresh: true });
  await check(silent.accessToken, 'msal-node: refresh');

  const device = await app.acquireTokenByDeviceCode({ scopes, deviceCodeCallback: ({ userCode }) => approve(connection, userCode) });
  await check(device.accessToken, 'msal-node: device code');
}

async function openidClient() {
  const issuer = new URL(`${authority}/v2.0`);
  const strict = { execute: [oidc.enableNonRepudiationChecks] };
  const config = await oidc.discovery(issuer, public_client_id, undefined, oidc.None(), strict);
  const code_verifier = oidc.randomPKCECodeVerifier();
  const [state, nonce] = [oidc.randomState(), oidc.randomNonce()];
  const url = oidc.buildAuthorizationUrl(config, {
    redirect_uri: redirect,
    scope: `openid profile email offline_access ${base}/Machine.Read`,
    code_challenge: await oidc.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
    max_age: '600',
    state,
    nonce,
  });
  const landed = await signIn(url.href);
  assert.equal(landed.searchParams.get('iss'), issuer.href);
  const checks = { pkceCodeVerifier: code_verifier, expectedState: state, expectedNonce: nonce, maxAge: 600, idTokenExpected: true };
  const tokens = await oidc.authorizationCodeGrant(config, landed, checks);
  await check(tokens.access_token, 'openid-client: code, PKCE, nonce, max_age, checked by the keys');
  const { sub } = tokens.claims();
  const info = await oidc.fetchUserInfo(config, tokens.access_token, sub);
  assert.equal(info.email, username);
  console.log('  openid-client: userinfo');

  const refreshed = await oidc.refreshTokenGrant(config, tokens.refresh_token);
  await check(refreshed.access_token, 'openid-client: refresh');
  await assert.rejects(oidc.refreshTokenGrant(config, tokens.refresh_token), { error: 'invalid_grant' });
  await assert.rejects(oidc.refreshTokenGrant(config, refreshed.refresh_token), { error: 'invalid_grant' });
  assert.equal(await call(refreshed.access_token), 401);
  console.log('  openid-client: a refresh token that comes again ends the sign-in');

  for (const [name, method] of [['post', oidc.ClientSecretPost], ['basic', oidc.ClientSecretBasic]]) {
    const own = await oidc.discovery(issuer, client_id, undefined, method(client_secret));
    const answer = await oidc.clientCredentialsGrant(own, { scope: `${base}/.default` });
    await check(answer.access_token, `openid-client: client credentials by ${name}`);
    assert.equal((await oidc.tokenIntrospection(own, answer.access_token)).active, true);
  }

  const flow = await oidc.initiateDeviceAuthorization(config, { scope: `${base}/.default offline_access` });
  await approve(connection, flow.user_code);
  const device = await oidc.pollDeviceAuthorizationGrant(config, flow);
  await check(device.access_token, 'openid-client: device code');
  await oidc.tokenRevocation(config, device.refresh_token);
  assert.equal(await call(device.access_token), 401);
  console.log('  openid-client: revocation');
}

await msalNode();
await openidClient();
