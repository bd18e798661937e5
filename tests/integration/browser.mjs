// A browser without a window: logs a person in at the real authorization server (client `web` of as.mjs), brings home
// the tokens, and logs out again, which makes the server send its logout notice.
const REDIRECT = 'https://rp.example/cb';
const basic = `Basic ${Buffer.from('web:web-secret').toString('base64')}`;

export class Browser {
  constructor(as) { this.base = as.url; this.jar = new Map(); }

  async go(target, form) {
    const reply = await fetch(new URL(target, this.base), {
      redirect: 'manual', method: form ? 'POST' : 'GET', body: form && new URLSearchParams(form),
      headers: { cookie: [...this.jar].map(([name, value]) => `${name}=${value}`).join('; ') },
    });
    for (const cookie of reply.headers.getSetCookie()) {
      const [pair] = cookie.split(';');
      const cut = pair.indexOf('=');
      if (pair.slice(cut + 1)) this.jar.set(pair.slice(0, cut), pair.slice(cut + 1)); else this.jar.delete(pair.slice(0, cut));
    }
    return reply;
  }

  // Follows the server's pages until it sends us home with a code.
  async authorize(query, login) {
    let reply = await this.go(`/auth?${new URLSearchParams({ client_id: 'web', response_type: 'code', redirect_uri: REDIRECT,
      state: 's', ...query })}`);
    for (;;) {
      const location = reply.headers.get('location');
      if (!location) throw new Error(`no redirect: ${reply.status} ${await reply.text()}`);
      if (location.startsWith(REDIRECT)) return new URL(location).searchParams.get('code');
      if (/\/interaction\/[^/]+$/.test(location)) {
        const page = await (await this.go(location)).text();
        const prompt = /name="prompt" value="(\w+)"/.exec(page)[1];
        reply = await this.go(location, prompt === 'login' ? { prompt, login, password: 'x' } : { prompt });
      } else reply = await this.go(location);
    }
  }

  // { access_token, id_token, refresh_token? }
  async login(sub, { offline = false } = {}) {
    const scope = offline ? 'openid offline_access read' : 'openid read';
    const code = await this.authorize({ scope, ...(offline ? { prompt: 'consent' } : {}) }, sub);
    const reply = await fetch(new URL('/token', this.base), { method: 'POST', headers: { authorization: basic },
      body: new URLSearchParams({ grant_type: 'authorization_code', code, redirect_uri: REDIRECT }) });
    if (reply.status !== 200) throw new Error(`token: ${reply.status} ${await reply.text()}`);
    this.tokens = await reply.json();
    return this.tokens;
  }

  // Returns when the server has notified everybody.
  async logout() {
    const page = await (await this.go(`/session/end?id_token_hint=${this.tokens.id_token}`)).text();
    const xsrf = /name="xsrf" value="(\w+)"/.exec(page)[1];
    const reply = await this.go('/session/end/confirm', { xsrf, logout: 'yes' });
    if (reply.status >= 400) throw new Error(`logout: ${reply.status} ${await reply.text()}`);
  }
}
