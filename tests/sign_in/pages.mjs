// The pages in a real browser: sign-in with a second factor, consent, a device, sign-out. Arguments are the server's
// file of credentials and a folder for pictures, which may be empty.

import assert from 'node:assert/strict';
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

const connection = JSON.parse(readFileSync(process.argv[2]));
const shots = process.argv[3];
const { base_url: base, authority, public_client_id, username, password } = connection;

const landed = [];
const app = createServer((request, answer) => {
  // The browser asks for an icon too, when it likes.
  if (request.url !== '/favicon.ico') landed.push(request.url);
  answer.end('the app');
}).listen(0, '127.0.0.1');
await new Promise(listening => app.once('listening', listening));
const redirect = `http://127.0.0.1:${app.address().port}`;

const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ['--no-sandbox', '--disable-gpu'] });
const context = await browser.newContext({ ignoreHTTPSErrors: true, javaScriptEnabled: false, viewport: { width: 900, height: 760 } });
const page = await context.newPage();
const complaints = [];
page.on('console', message => message.type() === 'error' && complaints.push(message.text()));

const shoot = async name => shots && (await page.screenshot({ path: `${shots}/${name}.png` }));
const heading = () => page.textContent('h1');
const verifier = randomBytes(32).toString('base64url');
const authorize = more =>
  `${authority}/oauth2/v2.0/authorize?${new URLSearchParams({
    client_id: public_client_id,
    response_type: 'code',
    redirect_uri: redirect,
    scope: `openid profile offline_access ${base}/Machine.Read ${base}/Alert.Read`,
    state: 'x',
    code_challenge: createHash('sha256').update(verifier).digest('base64url'),
    code_challenge_method: 'S256',
    ...more,
  })}`;
const redeem = async () => {
  const code = new URL(landed.at(-1), redirect).searchParams.get('code');
  const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: public_client_id, code, redirect_uri: redirect, code_verifier: verifier });
  const answer = await (await fetch(`${authority}/oauth2/v2.0/token`, { method: 'POST', body })).json();
  assert.ok(answer.access_token, JSON.stringify(answer));
  const status = (await fetch(`${base}/api/machines?$top=1`, { headers: { authorization: `Bearer ${answer.access_token}` } })).status;
  assert.equal(status, 200);
  return answer;
};
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
await page.waitForURL(`${redirect}/**`);
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
assert.equal(await heading(), 'Enter your code');
await shoot('second-factor');
const used = totp(secret);
await page.fill('#code', used);
await page.click('button');
if ((await heading()) === 'Enter your code') {
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
await page.waitForURL(`${redirect}/**`);
await redeem();
console.log('  chromium: second factor and consent');

await page.goto(authorize({ prompt: 'consent' }));
await page.click('button[value=deny]');
await page.waitForURL(`${redirect}/**`);
assert.equal(new URL(landed.at(-1), redirect).searchParams.get('error'), 'access_denied');
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
// What the policy of a page forbids is told on the console.
assert.deepEqual(complaints.filter(text => /Content.Security.Policy|Refused/i.test(text)), []);

await page.goto(`${base}/account`);
await page.click('button[value=sign_out_everywhere]');
assert.equal(await heading(), 'You are signed out');
await browser.close();
app.close();
