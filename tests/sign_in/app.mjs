// An app that signs users in, and the browser they do it in.

import assert from 'node:assert/strict';
import { createHash, randomBytes, X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { chromium } from 'playwright-core';

// `trusts` is a file with a certificate whose key the browser trusts as it does the authorities it knows.
export async function open({ base_url: base, authority, public_client_id }, { scripts = false, trusts } = {}) {
  const landed = [];
  const app = createServer((request, answer) => {
    // The browser asks for an icon too, when it likes.
    if (request.url !== '/favicon.ico') landed.push(request.url);
    answer.end('the app');
  }).listen(0, '127.0.0.1');
  await new Promise(listening => app.once('listening', listening));
  const redirect = `http://127.0.0.1:${app.address().port}`;

  const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'];
  if (trusts) {
    const key = new X509Certificate(readFileSync(trusts)).publicKey.export({ type: 'spki', format: 'der' });
    args.push(`--ignore-certificate-errors-spki-list=${createHash('sha256').update(key).digest('base64')}`);
  }
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args });
  const viewport = { width: 900, height: 760 };
  const context = await browser.newContext({ ignoreHTTPSErrors: !trusts, javaScriptEnabled: scripts, viewport });
  const page = await context.newPage();
  const complaints = [];
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(`Refused: ${error}`));

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
  const answered = () => new URL(landed.at(-1), redirect).searchParams;
  // Exchanges the code that the app was given, and asks the API with the token.
  const redeem = async () => {
    await page.waitForURL(`${redirect}/**`);
    const code = answered().get('code');
    const body = new URLSearchParams({ grant_type: 'authorization_code', client_id: public_client_id, code, redirect_uri: redirect, code_verifier: verifier });
    const answer = await (await fetch(`${authority}/oauth2/v2.0/token`, { method: 'POST', body })).json();
    assert.ok(answer.access_token, JSON.stringify(answer));
    const status = (await fetch(`${base}/api/machines?$top=1`, { headers: { authorization: `Bearer ${answer.access_token}` } })).status;
    assert.equal(status, 200);
    return JSON.parse(Buffer.from(answer.id_token.split('.')[1], 'base64url'));
  };
  const close = async () => {
    // What the policy of a page forbids is told on the console.
    assert.deepEqual(complaints.filter(text => /Content.Security.Policy|Refused/i.test(text)), []);
    await browser.close();
    app.close();
  };
  const shots = process.env.SIGN_IN_SHOTS;
  const shoot = async name => shots && (await page.screenshot({ path: `${shots}/${name}.png` }));
  return { page, context, redirect, authorize, answered, redeem, close, shoot, heading: () => page.textContent('h1') };
}
