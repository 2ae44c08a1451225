// The pages in a real browser without scripts: sign-in with a second factor, consent, a device, sign-out. The argument is
// the server's file of credentials.

import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { open } from './app.mjs';

const connection = JSON.parse(readFileSync(process.argv[2]));
const { base_url: base, authority, public_client_id, username, password } = connection;
const { page, redirect, authorize, answered, redeem, close, shoot, heading } = await open(connection);
const totp = secret => {
  const letters = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
  const bits = [...secret].map(letter => letters.indexOf(letter).toString(2).padStart(5, '0')).join('');
  const key = Buffer.from(bits.match(/.{8}/g).map(byte => parseInt(byte, 2)));
  const step = Buffer.alloc(8);
  step.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30000)));
  const tag = createHmac('sha1', key).update(step).digest();
  return String((tag.readUInt32BE(tag[19] & 15) & 0x7fffffff) % 1000000).padStart(6, '0');
};

await page.goto(authorize());
assert.equal(await heading(), 'Sign in');
await shoot('sign-in');
await page.fill('#username', username);
await page.fill('#password', 'wrong');
await page.click('button');
assert.match(await page.textContent('[role=alert]'), /not right/);
await shoot('wrong-password');
await page.fill('#password', password);
await page.click('button');
await redeem();
console.log('  chromium: sign-in');

await page.goto(`${base}/account`);
const secret = (await page.textContent('code')).replaceAll(' ', '');
await shoot('account');
await page.fill('#code', totp(secret));
await page.click('button[value=add]');
assert.match(await page.textContent('main'), /An authenticator app is set up/);
await page.goto(`${authority}/oauth2/v2.0/logout`);
assert.equal(await heading(), 'Sign out?');
await page.click('button');
assert.equal(await heading(), 'You are signed out');
await shoot('signed-out');

await page.goto(authorize({ prompt: 'consent' }));
await page.fill('#username', username);
await page.fill('#password', password);
await page.click('button');
assert.equal(await heading(), 'Prove that it is you');
await shoot('second-factor');
const used = totp(secret);
await page.fill('#code', used);
await page.click('button');
if ((await heading()) === 'Prove that it is you') {
  // A code opens once: the next one comes within half a minute.
  assert.match(await page.textContent('[role=alert]'), /used once/);
  while (totp(secret) === used) await new Promise(later => setTimeout(later, 500));
  await page.fill('#code', totp(secret));
  await page.click('button');
}
assert.equal(await heading(), 'Allow this app?');
await shoot('consent');
await page.check('input[name=for_all]');
await page.click('button[value=accept]');
await redeem();
console.log('  chromium: second factor and consent');

await page.goto(authorize({ prompt: 'consent' }));
await page.click('button[value=deny]');
await page.waitForURL(`${redirect}/**`);
assert.equal(answered().get('error'), 'access_denied');
await page.goto(authorize({ response_mode: 'form_post' }));
assert.equal(await heading(), 'Almost done');

const body = new URLSearchParams({ client_id: public_client_id, scope: `${base}/.default offline_access` });
const device = await (await fetch(`${authority}/oauth2/v2.0/devicecode`, { method: 'POST', body })).json();
await page.goto(device.verification_uri);
await shoot('device-code');
await page.fill('#user_code', device.user_code.toLowerCase());
await page.click('button');
assert.equal(await heading(), 'Is this yours?');
await shoot('device');
await page.click('button[value=accept]');
assert.equal(await heading(), 'The device is signed in');
console.log('  chromium: device');

await page.goto(authorize({ redirect_uri: 'https://evil.example/' }));
assert.equal(await heading(), 'This did not work');
await shoot('error');
await page.goto(`${base}/account`);
await page.click('button[value=sign_out_everywhere]');
assert.equal(await heading(), 'You are signed out');
await close();
