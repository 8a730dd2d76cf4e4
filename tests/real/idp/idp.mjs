// OpenID Provider of the tests that is not Keycloak: the npm package oidc-provider with test accounts
//
// node idp.mjs PACKAGES PORT ORIGIN ALGORITHM [LIFETIME]
//   PACKAGES   the folder that contains node_modules
//   PORT       on 127.0.0.1; the issuer is http://127.0.0.1:PORT
//   ORIGIN     of the application behind the gateway
//   ALGORITHM  that signs ID tokens: RS256, ES256 or EdDSA
//   LIFETIME   of tokens in seconds; if set, the provider issues refresh tokens that are valid for one use
//
// The provider prints a line for each grant, each refusal and each revocation.
import { generateKeyPairSync } from 'node:crypto';
import { createServer } from 'node:http';
import { pathToFileURL } from 'node:url';

const [packages, port, origin, algorithm, lifetime] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(`${packages}/node_modules/oidc-provider/lib/index.js`));

const kinds = {
  RS256: ['rsa', { modulusLength: 2048 }],
  ES256: ['ec', { namedCurve: 'P-256' }],
  EdDSA: ['ed25519', {}],
};
const groups = { testuser: ['dev', 'ops'], alice: ['dev'], bob: [] };
for (let number = 0; number < 20; number += 1) groups[`user-${number}`] = ['dev'];
const rotating = lifetime === undefined ? {} : {
  rotateRefreshToken: true,
  issueRefreshToken: () => true,
  expiresWithSession: () => false,
  ttl: { AccessToken: Number(lifetime), IdToken: Number(lifetime), RefreshToken: 3600, Session: 3600, Grant: 3600, Interaction: 600 },
};

function key() {
  const { privateKey } = generateKeyPairSync(...kinds[algorithm]);
  return { ...privateKey.export({ format: 'jwk' }), kid: `the-${algorithm}-key`, use: 'sig', alg: algorithm };
}

const provider = new Provider(`http://127.0.0.1:${port}`, {
  clients: [{
    client_id: 'foregate',
    client_secret: 'foregate-secret',
    redirect_uris: [`${origin}/oauth2/callback`],
    token_endpoint_auth_method: 'client_secret_basic',
    grant_types: lifetime === undefined ? ['authorization_code'] : ['authorization_code', 'refresh_token'],
    id_token_signed_response_alg: algorithm,
  }],
  jwks: { keys: [key()] },
  cookies: { keys: ['of one test'] },
  claims: { openid: ['sub'], profile: ['preferred_username', 'groups'], email: ['email', 'email_verified'] },
  // With the default, only userinfo has the name, the email address and the groups.
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  ...rotating,
  features: { devInteractions: { enabled: false } },
  interactions: { url: (ctx, interaction) => `/interaction/${interaction.uid}` },
  enabledJWA: { idTokenSigningAlgValues: Object.keys(kinds) },
  findAccount: (ctx, id) => ({
    accountId: id,
    claims: () => ({
      sub: id, preferred_username: id, groups: groups[id], email: `${id}@example.test`, email_verified: true,
    }),
  }),
  // Creates the grant, so there is no consent page.
  async loadExistingGrant(ctx) {
    const grant = new ctx.oidc.provider.Grant({
      clientId: ctx.oidc.client.clientId, accountId: ctx.oidc.session.accountId,
    });
    grant.addOIDCScope('openid profile email');
    await grant.save();
    return grant;
  },
});

provider.on('grant.success', (ctx) => console.log(`granted ${ctx.oidc.params.grant_type} ${ctx.oidc.entities.Account.accountId}`));
provider.on('grant.error', (ctx, error) => console.log(`refused ${ctx.oidc.params?.grant_type} ${error.error_detail}`));
provider.on('grant.revoked', (ctx, grant) => console.log(`revoked ${grant}`));

const page = '<!doctype html><title>Sign in</title><form id="login" method="post" action=""><input name="username">'
  + '<input name="password" type="password"><button id="sign-in">Sign in</button></form>';
const callback = provider.callback();
createServer(async (request, response) => {
  if (!request.url.startsWith('/interaction/')) return callback(request, response);
  let body = '';
  for await (const part of request) body += part;
  const form = new URLSearchParams(body);
  const user = form.get('username');
  if (request.method !== 'POST' || !(user in groups) || form.get('password') !== user) {
    return response.setHeader('content-type', 'text/html').end(page);
  }
  return provider.interactionFinished(request, response, { login: { accountId: user } });
}).listen(port, '127.0.0.1');
