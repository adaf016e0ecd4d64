// The OpenAPI 3.1 document of the API, and the JSON Schema (2020-12) of the configuration file: made from the lists and
// from the very schema that the server works by, so that they cannot say anything else.

import { z } from "zod";
import { ERROR_CODES } from "../control/errors.ts";
import { fieldSchema, KINDS, type Schema } from "../control/fields.ts";
import { FILTERS } from "../control/filters.ts";
import { OBJECTS, type ObjectShape } from "../control/objects.ts";
import { OPERATIONS, type Operation, type Parameter } from "../control/operations.ts";
import { AT_SUMMARY, PAST_NAMES } from "../control/past-list.ts";
import { CONFIGURATION } from "../control/schema.ts";

const problem: Schema = {
  description: "An error: a problem document (RFC 9457).",
  content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
};

/** The JSON Schema of a configuration file, from the schema that checks it. */
export function configurationSchema(): Schema {
  return {
    ...z.toJSONSchema(CONFIGURATION, { io: "input", unrepresentable: "any" }),
    title: "Linkloom's configuration file",
  };
}

/** The whole document. */
export function openapi(): Schema {
  const { $schema, ...configuration } = configurationSchema();
  const paths: Record<string, Record<string, Schema>> = {};
  const add = (path: string, method: string, operation: Schema): void => {
    const all = paths[path] ?? {};
    paths[path] = all;
    all[method] = operation;
  };
  for (const shape of OBJECTS) add(`/api/v1/${shape.name}`, "get", objectOperation(shape));
  for (const operation of OPERATIONS) {
    const path = `/api/v1/${operation.path.replaceAll(/:([a-z]+)/g, "{$1}")}`;
    add(path, operation.method.toLowerCase(), changeOperation(operation));
  }
  for (const [path, summary, type] of DOCUMENTS) {
    const content = { [type]: { schema: {} } };
    const responses = { "200": { description: summary, content }, default: problem };
    add(path, "get", {
      operationId: path.replaceAll(/[^a-z]+/g, "-").slice(1),
      summary,
      responses,
    });
  }
  return {
    openapi: "3.1.0",
    jsonSchemaDialect: $schema,
    info: {
      title: "Linkloom",
      version: "1",
      description:
        "What the appliance knows and what may be changed. On the control socket without a token, over HTTP with one.",
      license: { name: "Apache 2.0", identifier: "Apache-2.0" },
    },
    security: [{ token: [] }],
    paths,
    components: {
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
      schemas: {
        Problem: problemSchema(),
        Done: DONE,
        Configuration: configuration,
        ...Object.fromEntries(OBJECTS.map((shape) => [rowName(shape), rowSchema(shape)])),
      },
    },
  };
}

/** What is neither an object nor an operation. */
const DOCUMENTS: readonly (readonly [path: string, summary: string, type: string])[] = [
  ["/api/v1", "the lists that the server works by", "application/json"],
  ["/api/v1/openapi.json", "this document", "application/json"],
  ["/api/v1/config.schema.json", "the configuration file's JSON Schema", "application/json"],
  ["/metrics", "metrics for Prometheus", "text/plain"],
  ["/healthz", "200 while every core is online, else 503", "application/json"],
];

const DONE: Schema = {
  type: "object",
  properties: {
    count: { ...KINDS.count, description: "how many things it was" },
    detail: { type: "string", description: "one sentence for people" },
  },
};

function problemSchema(): Schema {
  const text = { type: "string" };
  return {
    type: "object",
    properties: {
      type: text,
      title: text,
      status: { type: "integer", minimum: 400, maximum: 599 },
      detail: text,
      code: { enum: ERROR_CODES },
      hint: text,
      faults: { type: "array", items: { type: "object" } },
    },
    required: ["type", "title", "status", "detail", "code", "hint"],
  };
}

const rowName = ({ name }: ObjectShape): string => `${name[0]?.toUpperCase()}${name.slice(1)}Row`;

function rowSchema({ name, fields, summary }: ObjectShape): Schema {
  const properties = Object.fromEntries(fields.map((field) => [field, fieldSchema(name, field)]));
  return { type: "object", description: summary, properties };
}

/** The moment that is asked for. */
const AT: Schema = {
  name: "at",
  in: "query",
  description: `${AT_SUMMARY}; 404 says how far back the past is kept`,
  schema: { type: "string", maxLength: 40, examples: ["-10m", "2026-11-23T20:15:00Z"] },
};
const AT_HEADER = "with at: when these rows were read";

function objectOperation(shape: ObjectShape): Schema {
  const isKept = PAST_NAMES.includes(shape.name);
  const rows = { type: "array", items: { $ref: `#/components/schemas/${rowName(shape)}` } };
  const stream =
    shape.name === "events" ? { "text/event-stream": { schema: { type: "string" } } } : {};
  return {
    operationId: `show-${shape.name}`,
    summary: shape.summary,
    parameters: [
      ...shape.filters.map((filter) => ({
        name: filter,
        in: "query",
        description: FILTERS[filter].summary,
        schema: KINDS[FILTERS[filter].kind],
      })),
      ...(isKept ? [AT] : []),
    ],
    responses: {
      "200": {
        description: "the rows",
        headers: {
          "linkloom-cores": { schema: KINDS.count, description: "cores of the appliance" },
          ...(isKept ? { "linkloom-at": { schema: KINDS.time, description: AT_HEADER } } : {}),
        },
        content: { "application/json": { schema: rows }, ...stream },
      },
      default: problem,
    },
  };
}

const parameterOf = (parameter: Parameter): Schema => ({
  name: parameter.name,
  in: parameter.in,
  required: parameter.in === "path",
  description: parameter.summary,
  schema: KINDS[parameter.kind],
});

function changeOperation(operation: Operation): Schema {
  const { id, summary, rights, parameters, stream } = operation;
  const body = bodyOf(operation);
  return {
    operationId: id,
    summary,
    description: rights === "write" ? "Needs a token that may write." : "Any token will do.",
    parameters: parameters.filter((one) => one.in !== "body").map(parameterOf),
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      "200": {
        description: stream === undefined ? "what was done" : "the stream",
        content: {
          [stream ?? "application/json"]: {
            schema: stream === undefined ? { $ref: "#/components/schemas/Done" } : {},
          },
        },
      },
      default: problem,
    },
  };
}

function bodyOf({ yaml, parameters }: Operation): Schema | undefined {
  if (yaml === true) {
    const schema = { $ref: "#/components/schemas/Configuration" };
    return { required: true, content: { "application/yaml": { schema } } };
  }
  const words = parameters.filter((one) => one.in === "body");
  if (words.length === 0) return undefined;
  const required = words.filter((one) => one.required === true).map(({ name }) => name);
  const schema = {
    type: "object",
    properties: Object.fromEntries(
      words.map(({ name, kind, summary }) => [name, { ...KINDS[kind], description: summary }]),
    ),
    required,
    additionalProperties: false,
  };
  return { required: required.length > 0, content: { "application/json": { schema } } };
}
