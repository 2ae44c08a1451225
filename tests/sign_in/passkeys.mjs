// Passkeys in a real browser with an authenticator of its own. Arguments are the server's file of credentials, and
// its certificate.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open } from './app.mjs';

const connection = JSON.parse(readFileSync(process.argv[2]));
const { base_url: base, authority, username, password } = connection;
const app = await open(connection, { scripts: true, trusts: process.argv[3] });
const { page, context, authorize, redeem, close, shoot, heading } = app;

const devtools = await context.newCDPSession(page);
await devtools.send('WebAuthn.enable');
const options = {
  protocol: 'ctap2',
  transport: 'internal',
  hasResidentKey: true,
  hasUserVerification: true,
  isUserVerified: true,
  automaticPresenceSimulation: true,
};
await devtools.send('WebAuthn.addVirtualAuthenticator', { options });

const signIn = async () => {
  await page.fill('#username', username);
  await page.fill('#password', password);
  await page.click('button');
};
const signOut = async () => {
  await page.goto(`${authority}/oauth2/v2.0/logout`);
  await page.click('button');
  assert.equal(await heading(), 'You are signed out');
};

await page.goto(`${base}/account`);
await signIn();
await page.click('text=Add a passkey');
await page.waitForSelector('text=never used');
await shoot('passkeys');
await signOut();

await page.goto(authorize({ prompt: 'login' }));
await signIn();
assert.equal(await heading(), 'Prove that it is you');
await shoot('passkey');
await page.click('text=Use a passkey');
const claims = await redeem();
assert.deepEqual(claims.amr, ['pwd', 'fido', 'mfa']);
console.log('  chromium: a passkey as the second factor');

await page.goto(`${base}/account`);
await page.waitForSelector('text=last used');
await page.click('text=Remove this passkey');
await page.waitForFunction(() => !document.body.textContent.includes('Remove this passkey'));
await signOut();
await page.goto(`${base}/account`);
await signIn();
assert.equal(await heading(), 'Your sign-in');
console.log('  chromium: a passkey is removed');
await close();
