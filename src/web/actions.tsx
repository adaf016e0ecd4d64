// What an operator may change, one form for each operation of the API that changes something. What forgets or disturbs
// asks once more.

import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { ApiError, type Catalogue, type Operation, operate } from "./client.ts";
import { WordField, type Words } from "./word-field.tsx";

/** They have a page of their own. */
const ELSEWHERE = /^(?:config|trace|capture)/;

export function Actions({ known }: { known: Catalogue }): JSX.Element {
  const changes = known.operations.filter(
    ({ id, rights, yaml, stream }) =>
      rights === "write" && yaml !== true && stream === undefined && !ELSEWHERE.test(id),
  );
  return (
    <section aria-labelledby="actions-title">
      <h2 id="actions-title">Change</h2>
      <p class="quiet">
        Each takes effect at once, and is lost with the process: what shall stay belongs into the
        configuration.
      </p>
      <div class="cards">
        {changes.map((operation) => (
          <Form key={operation.id} operation={operation} />
        ))}
      </div>
    </section>
  );
}

/** Words as the API wants them: numbers as numbers where a count is meant. */
function valuesOf(operation: Operation, words: Words): Record<string, unknown> {
  const values: Record<string, unknown> = {};
  for (const { name, kind, in: place } of operation.parameters) {
    const word = words[name];
    if (word === undefined || word === "" || word === false) continue;
    const isNumber = ["count", "vlan", "core", "any"].includes(kind) && /^\d+$/.test(String(word));
    values[name] = place === "body" && isNumber ? Number(word) : word;
  }
  return values;
}

function Form({ operation }: { operation: Operation }): JSX.Element {
  const [words, setWords] = useState<Words>({});
  const [sure, setSure] = useState(false);
  const [said, setSaid] = useState<{ good: boolean; text: string } | null>(null);
  const disturbs = operation.method === "DELETE" || /core|role/.test(operation.path);
  const send = async (): Promise<void> => {
    setSure(false);
    try {
      const answer = await operate(operation, valuesOf(operation, words));
      setSaid({ good: true, text: answer === null ? "done" : JSON.stringify(answer) });
    } catch (error) {
      const hint = error instanceof ApiError && error.hint !== "" ? `: ${error.hint}` : "";
      setSaid({ good: false, text: `${(error as Error).message}${hint}` });
    }
  };
  return (
    <form
      class="card"
      aria-label={operation.id}
      onSubmit={(event) => {
        event.preventDefault();
        if (disturbs && !sure) setSure(true);
        else void send();
      }}
    >
      <h3>{operation.id}</h3>
      <p class="quiet">{operation.summary}</p>
      {operation.parameters.map((parameter) => (
        <WordField
          key={parameter.name}
          form={operation.id}
          parameter={parameter}
          words={words}
          onWords={setWords}
        />
      ))}
      <button type="submit" class={sure ? "sure" : ""}>
        {sure ? "Do it now" : "Do it"}
      </button>
      {sure && (
        <button type="button" onClick={() => setSure(false)}>
          Leave it
        </button>
      )}
      {said !== null && (
        <p role={said.good ? "status" : "alert"} class={said.good ? "good" : "bad"}>
          {said.text}
        </p>
      )}
    </form>
  );
}
