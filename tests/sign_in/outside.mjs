// A provider of others, and a token that it issues. Arguments are its port, the audience and a file for the token; it
// serves until it is ended.

import { writeFileSync } from 'node:fs';
import Provider from 'oidc-provider';

const [port, audience, file] = process.argv.slice(2);
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
  ],
  features: {
    clientCredentials: { enabled: true },
    devInteractions: { enabled: false },
    resourceIndicators: {
      enabled: true,
      defaultResource: () => audience,
      getResourceServerInfo: () => ({ scope: 'soc.read', audience, accessTokenFormat: 'jwt', accessTokenTTL: 600 }),
    },
  },
  scopes: ['soc.read'],
});
provider.listen(Number(port), '127.0.0.1', async () => {
  const body = new URLSearchParams({ grant_type: 'client_credentials', scope: 'soc.read', resource: audience });
  const authorization = `Basic ${Buffer.from('pipeline:secret-of-the-pipeline').toString('base64')}`;
  const answer = await (await fetch(`${issuer}/token`, { method: 'POST', body, headers: { authorization } })).json();
  writeFileSync(file, answer.access_token ?? '');
  if (!answer.access_token) console.error(answer);
});
