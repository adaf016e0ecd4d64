// The configuration: what runs, what another would change, taking it over with a way back; captures to take away.

import type { JSX } from "preact";
import { useRef, useState } from "preact/hooks";
import { ApiError, type Catalogue, openStream, operate } from "./client.ts";
import { WordField, type Words } from "./word-field.tsx";

const faultOf = (error: unknown): string => {
  const hint = error instanceof ApiError && error.hint !== "" ? `: ${error.hint}` : "";
  return `${(error as Error).message}${hint}`;
};

export function Configuration({ known }: { known: Catalogue }): JSX.Element {
  const [yaml, setYaml] = useState("");
  const [confirm, setConfirm] = useState("60s");
  const [answer, setAnswer] = useState<{ good: boolean; text: string } | null>(null);
  const find = (id: string) => known.operations.find((operation) => operation.id === id);
  const go = async (id: string, words: Record<string, unknown>): Promise<void> => {
    const operation = find(id);
    if (operation === undefined) return;
    try {
      const said = await operate(operation, words);
      setAnswer({ good: true, text: JSON.stringify(said, null, 2) });
    } catch (error) {
      setAnswer({ good: false, text: faultOf(error) });
    }
  };
  const load = async (): Promise<void> => {
    const operation = find("config-text");
    if (operation === undefined) return;
    try {
      setYaml(((await operate(operation, {})) as { text: string }).text);
    } catch (error) {
      setAnswer({ good: false, text: faultOf(error) });
    }
  };
  return (
    <section aria-labelledby="configuration-title">
      <h2 id="configuration-title">Configuration</h2>
      <div class="tools">
        <button type="button" onClick={() => void load()}>
          Load what runs
        </button>
        <button
          type="button"
          onClick={() => void go("config-plan", { yaml })}
          disabled={yaml === ""}
        >
          Plan
        </button>
        <label>
          back by itself unless confirmed within{" "}
          <input
            size={6}
            value={confirm}
            onInput={(event) => setConfirm(event.currentTarget.value)}
          />
        </label>
        <button
          type="button"
          onClick={() => void go("config-apply", { yaml, confirm })}
          disabled={yaml === ""}
        >
          Apply
        </button>
        <button type="button" onClick={() => void go("config-confirm", {})}>
          Confirm
        </button>
        <button type="button" onClick={() => void go("config-rollback", {})}>
          Roll back
        </button>
      </div>
      <label class="tall">
        The file, YAML
        <textarea
          rows={24}
          spellcheck={false}
          value={yaml}
          onInput={(event) => setYaml(event.currentTarget.value)}
        />
      </label>
      {answer !== null && (
        <pre
          role={answer.good ? "status" : "alert"}
          class={answer.good ? "explained" : "explained bad"}
        >
          {answer.text}
        </pre>
      )}
    </section>
  );
}

/** Takes frames from the cores as pcapng, and hands them to the browser as a file. */
export function Capture({ known }: { known: Catalogue }): JSX.Element {
  const operation = known.operations.find(({ id }) => id === "capture");
  const [words, setWords] = useState<Words>({ seconds: "10" });
  const [bytes, setBytes] = useState(0);
  const [state, setState] = useState<"idle" | "running">("idle");
  const [fault, setFault] = useState("");
  const stop = useRef<AbortController | null>(null);
  if (operation === undefined)
    return <p class="lonely">This appliance takes no captures over the API.</p>;
  const run = async (): Promise<void> => {
    setFault("");
    setBytes(0);
    setState("running");
    const control = new AbortController();
    stop.current = control;
    const parts: Uint8Array<ArrayBuffer>[] = [];
    try {
      const response = await openStream(operation, words, control.signal);
      const reader = (response.body as ReadableStream<Uint8Array<ArrayBuffer>>).getReader();
      let taken = 0;
      for (;;) {
        const { done, value } = await reader.read();
        if (done) break;
        parts.push(value);
        taken += value.length;
        setBytes(taken);
      }
    } catch (error) {
      if (!control.signal.aborted) setFault(faultOf(error));
    }
    setState("idle");
    if (parts.length > 0) save(new Blob(parts, { type: "application/x-pcapng" }));
  };
  return (
    <section aria-labelledby="capture-title">
      <h2 id="capture-title">Capture</h2>
      <p class="quiet">
        Frames as the cores treat them, as pcapng with the core, the class and the reason as
        comments.
      </p>
      <form
        class="card"
        onSubmit={(event) => {
          event.preventDefault();
          void run();
        }}
      >
        {operation.parameters.map((parameter) => (
          <WordField
            key={parameter.name}
            form="capture"
            parameter={parameter}
            words={words}
            onWords={setWords}
          />
        ))}
        {state === "idle" ? (
          <button type="submit">Begin</button>
        ) : (
          <button type="button" onClick={() => stop.current?.abort()}>
            End and save
          </button>
        )}
        <output>{bytes > 0 ? `${bytes} bytes` : ""}</output>
        {fault !== "" && (
          <p role="alert" class="bad">
            {fault}
          </p>
        )}
      </form>
    </section>
  );
}

function save(blob: Blob): void {
  const url = URL.createObjectURL(blob);
  const link = document.createElement("a");
  link.href = url;
  link.download = `linkloom-${new Date().toISOString().replaceAll(/[:.]/g, "-")}.pcapng`;
  link.click();
  setTimeout(() => URL.revokeObjectURL(url), 10_000);
}
