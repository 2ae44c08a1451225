// A user of a provider of others signs in in a real browser. Arguments are the server's file of credentials, and
// its certificate.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { open } from './app.mjs';

const connection = JSON.parse(readFileSync(process.argv[2]));
const { base_url: base } = connection;
const app = await open(connection, { trusts: process.argv[3] });
const { page, authorize, answered, redeem, close, shoot, redirect } = app;

await page.goto(authorize());
await shoot('provider');
await page.click('text=Sign in with Corp');
await page.fill('[name=login]', 'grace');
await page.fill('[name=password]', 'any');
await page.click('button');
// The provider asks whether this server may know who it is.
await page.click('button');
const claims = await redeem();
assert.equal(claims.preferred_username, 'grace@corp.example');
assert.equal(claims.name, 'Grace H');
assert.deepEqual(claims.amr, ['fed']);
console.log('  chromium: a user of oidc-provider');

// Once there is a session here, nobody is asked.
await page.goto(authorize());
await page.waitForURL(`${redirect}/**`);
assert.ok(answered().get('code'));

// An app that wants a sign-in now gets one, though the provider has a session too.
await page.goto(authorize({ prompt: 'login' }));
await page.click('text=Sign in with Corp');
await page.fill('[name=login]', 'grace');
await page.fill('[name=password]', 'any');
await page.click('button');
const again = await redeem();
assert.ok(again.auth_time >= claims.auth_time);
console.log('  chromium: a user of oidc-provider, who signs in anew');

// One who says no there is not signed in here.
await page.context().clearCookies();
await page.goto(authorize());
await page.click('text=Sign in with Corp');
await page.click('text=Cancel');
assert.match(await page.textContent('main'), /did not sign you in/);
await page.goto(`${base}/account`);
assert.equal(await page.textContent('h1'), 'Sign in');
await close();
