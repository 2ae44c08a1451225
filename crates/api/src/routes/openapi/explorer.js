"use strict";
// The token stays in this page: it is not stored.
let token = "";

const make = (name, properties = {}, ...children) => {
  const element = Object.assign(document.createElement(name), properties);
  element.append(...children);
  return element;
};

document.querySelector("#sign-in").addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = new FormData(event.target);
  const said = event.target.querySelector("output");
  const body = new URLSearchParams({
    grant_type: "client_credentials",
    client_id: form.get("client"),
    client_secret: form.get("secret"),
    scope: location.origin + "/.default",
  });
  const tenant = encodeURIComponent(form.get("tenant"));
  const answer = await fetch(`/${tenant}/oauth2/v2.0/token`, { method: "POST", body });
  const json = await answer.json();
  token = json.access_token || "";
  said.textContent = token ? "signed in" : json.error_description || "refused";
});

const call = async (method, path, parameters, inputs, body, shown) => {
  let url = path;
  const query = new URLSearchParams();
  for (const parameter of parameters) {
    const value = inputs.get(parameter.name).value;
    if (parameter.in === "path") {
      url = url.replace(`{${parameter.name}}`, encodeURIComponent(value));
    } else if (value) {
      query.set(parameter.name, value);
    }
  }
  if ([...query].length) url += `?${query}`;
  const headers = token ? { Authorization: `Bearer ${token}` } : {};
  if (body) headers["Content-Type"] = "application/json";
  const answer = await fetch(url, { method: method.toUpperCase(), headers, body: body ? body.value : undefined });
  const text = await answer.text();
  let told = text;
  try {
    told = JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    // Not JSON: shown as it came.
  }
  shown.textContent = `${answer.status} ${answer.statusText}\n\n${told}`;
};

const operation = (method, path, declared) => {
  const inputs = new Map();
  const fields = (declared.parameters || []).map((parameter) => {
    const input = make("input", { placeholder: parameter.description || "", required: parameter.required });
    inputs.set(parameter.name, input);
    return make("label", {}, `${parameter.name} `, input);
  });
  const content = declared.requestBody && declared.requestBody.content["application/json"];
  const body = content && make("textarea", { value: JSON.stringify(content.example, null, 2) });
  const shown = make("pre");
  const button = make("button", { type: "button", textContent: "Call" });
  button.addEventListener("click", () => {
    shown.textContent = "...";
    call(method, path, declared.parameters || [], inputs, body, shown).catch((error) => {
      shown.textContent = String(error);
    });
  });
  const summary = make("summary", {}, make("b", { textContent: method.toUpperCase() }), path);
  const text = make("p", { textContent: `${declared.summary} ${declared.description || ""}` });
  return make("details", {}, summary, text, ...fields, ...(body ? [body] : []), button, shown);
};

fetch("/openapi.json").then((answer) => answer.json()).then((api) => {
  const list = document.querySelector("#operations");
  for (const [path, methods] of Object.entries(api.paths)) {
    for (const [method, declared] of Object.entries(methods)) {
      list.append(operation(method, path, declared));
    }
  }
  document.querySelector("#search").addEventListener("input", (event) => {
    const wanted = event.target.value.toLowerCase();
    for (const details of list.children) {
      details.hidden = !details.textContent.toLowerCase().includes(wanted);
    }
  });
});
