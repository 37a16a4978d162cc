"use strict";

// The calls of TensorFlow Serving's REST API.

const byId = (id) => document.getElementById(id);

// The chosen version's signatures by name, as its metadata tells them.
let signatures = {};

function modelPath() {
  return `v1/models/${encodeURIComponent(byId("model").value)}`;
}

function versionPath() {
  const version = byId("version").value;
  return modelPath() + (version && `/versions/${version}`);
}

async function call(path, body) {
  const headers = { "Content-Type": "application/json" };
  const token = byId("token").value;
  if (token) headers.Authorization = `Bearer ${token}`;
  const options = body ? { method: "POST", headers, body: JSON.stringify(body) } : { headers };
  let response;
  try {
    response = await fetch(path, options);
  } catch {
    throw new Error("The server does not answer.");
  }
  if (response.status === 401) byId("token-field").hidden = false;
  const text = await response.text();
  let answer;
  try {
    answer = JSON.parse(text);
  } catch {
    throw new Error(`HTTP ${response.status}: the answer is no JSON: ${text.slice(0, 200)}`);
  }
  if (!response.ok) throw new Error(answer.error ?? `HTTP ${response.status}`);
  return answer;
}

function texts() {
  const given = { text: byId("text").value };
  if (takesPairs()) given.text_pair = byId("text-pair").value;
  return given;
}

function takesPairs() {
  return "text_pair" in (signatures.serving_default?.inputs ?? {});
}

async function predict(signatureName) {
  const body = { signature_name: signatureName, instances: [texts()] };
  return (await call(`${versionPath()}:predict`, body)).predictions[0];
}

async function resultOf(method) {
  const body = { signature_name: method, examples: [texts()] };
  return (await call(`${versionPath()}:${method}`, body)).results[0];
}
