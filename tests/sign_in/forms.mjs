// A browser without a screen: it reads forms from pages and sends them.

const unescape = text => text.replace(/&#39;/g, "'").replace(/&quot;/g, '"').replace(/&lt;/g, '<').replace(/&gt;/g, '>').replace(/&amp;/g, '&');

export class Browser {
  constructor(base) {
    this.base = base;
    this.cookies = new Map();
  }

  // Goes where it is led; answers with an address that is not of the server, or null at a page.
  async open(url, options = {}) {
    for (let hops = 0; hops < 10; hops++) {
      const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const answer = await fetch(url, { ...options, redirect: 'manual', headers: { ...options.headers, cookie } });
      for (const set of answer.headers.getSetCookie()) {
        const [name, value] = set.split(';')[0].split(/=(.*)/s);
        this.cookies.set(name, value);
      }
      if (answer.status !== 302 && answer.status !== 303) {
        this.url = url;
        this.page = await answer.text();
        return null;
      }
      url = new URL(answer.headers.get('location'), url).href;
      options = {};
      if (!url.startsWith(this.base)) return url;
    }
    throw new Error('too many redirects');
  }

  // Sends the first form of the page.
  async submit(fields) {
    const form = this.page.match(/<form method="(\w+)" action="([^"]*)">(.*?)<\/form>/s);
    const found = [...form[3].matchAll(/<input[^>]*?name="([^"]*)"[^>]*?>/gs)].map(([tag, name]) => [
      name,
      unescape(tag.match(/value="([^"]*)"/)?.[1] ?? ''),
    ]);
    const body = new URLSearchParams({ ...Object.fromEntries(found.filter(([name]) => name !== 'for_all')), ...fields });
    const url = new URL(unescape(form[2]), this.url).href;
    if (form[1] === 'get') return this.open(`${url}?${body}`);
    return this.open(url, { method: 'POST', body, headers: { 'content-type': 'application/x-www-form-urlencoded' } });
  }
}

export async function approve(connection, code) {
  const browser = new Browser(connection.base_url);
  await browser.open(`${connection.base_url}/device?user_code=${code}`);
  await browser.submit({ username: connection.username, password: connection.password });
  await browser.submit({ decision: 'accept' });
  if (!browser.page.includes('The device is signed in')) throw new Error(browser.page);
}
