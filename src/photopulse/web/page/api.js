// Draws openapi.json: each address with its parameters.
const api = await (await fetch("openapi.json")).json();
const place = document.querySelector("#api");

function make(name, text = "", ...children) {
  const element = document.createElement(name);
  element.append(text, ...children);
  return element;
}

const found = (schema) => (schema?.$ref ? api.components.schemas[schema.$ref.split("/").at(-1)] : schema);

function typeOf(schema) {
  const one = found(schema);
  if (one.anyOf) return one.anyOf.map(typeOf).join(" or ");
  if (one.enum) return one.enum.join(", ");
  const range = [one.minimum, one.maximum].some((end) => end !== undefined) ? ` ${one.minimum} to ${one.maximum}` : "";
  return (one.contentMediaType || one.format === "binary" ? "file" : one.type) + range;
}

function row(name, schema, description) {
  const standard = schema.default === undefined ? "" : `; default ${schema.default}`;
  return [make("dt", "", make("code", name)), make("dd", `${typeOf(schema)}${standard}. ${description ?? ""}`)];
}

for (const [path, methods] of Object.entries(api.paths)) {
  for (const [method, told] of Object.entries(methods)) {
    const fields = Object.values(told.requestBody?.content ?? {}).flatMap((content) => Object.entries(found(content.schema).properties));
    const rows = [
      ...(told.parameters ?? []).flatMap((one) => row(one.name, one.schema, one.description)),
      ...fields.flatMap(([name, schema]) => row(name, schema, schema.description)),
    ];
    place.append(make("article", "", make("h2", "", make("code", `${method.toUpperCase()} ${path}`)), make("p", told.description), make("dl", "", ...rows)));
  }
}
