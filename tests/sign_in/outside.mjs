// A provider of others: it issues a token to a client, and signs users in. Arguments are its port, the audience, a file
// for the token, and where users go back to; it serves until it is ended.

import { writeFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const [port, audience, file, callback] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: 'pipeline',
      client_secret: 'secret-of-the-pipeline',
      grant_types: ['client_credentials'],
      redirect_uris: [],
      response_types: [],
    },
    {
      client_id: 'bartizan',
      client_secret: 'secret-of-the-server',
      redirect_uris: [callback],
    },
  ],
  claims: { openid: ['sub'], profile: ['name', 'preferred_username', 'groups'], email: ['email', 'email_verified'] },
  findAccount: (_, id) => ({
    accountId: id,
    claims: () => ({
      sub: id,
      name: 'Grace H',
      preferred_username: `${id}@corp.example`,
      email: `${id}@corp.example`,
      email_verified: true,
      groups: ['soc', 'staff'],
    }),
  }),
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: true },
    resourceIndicators: {
      enabled: true,
      defaultResource: (ctx, client) => (client.clientId === 'pipeline' ? audience : undefined),
      getResourceServerInfo: () => ({ scope: 'soc.read', audience, accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
    },
  },
  scopes: ['soc.read', 'profile', 'email', 'openid'],
});
provider.listen(Number(port), '127.0.0.1', async () => {
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'soc.read', resource: audience });
  const authorization = `Basic ${Buffer.from('pipeline:secret-of-the-pipeline').toString('base64')}`;
  const answer = await (await fetch(`${issuer}/token`, { method: 'POST', body, headers: { authorization } })).json();
  writeFileSync(file, answer.access_token ?? '');
  if (!answer.access_token) console.error(answer);
});
