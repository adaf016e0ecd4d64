// One word of an operation as a field of a form: a tick for a flag, else a line of text.

import type { JSX } from "preact";
import type { Parameter } from "./client.ts";

export type Words = Readonly<Record<string, string | boolean>>;

interface Props {
  /** The form's name, so that fields of several forms differ. */
  readonly form: string;
  readonly parameter: Parameter;
  readonly words: Words;
  readonly onWords: (words: Words) => void;
}

export function WordField({ form, parameter, words, onWords }: Props): JSX.Element {
  const { name, kind, required, summary } = parameter;
  const id = `${form}-${name}`;
  const isRequired = required === true;
  return (
    <div class="word" title={summary}>
      <label for={id}>
        {name}
        {isRequired ? " *" : ""}
      </label>
      {kind === "flag" ? (
        <input
          id={id}
          type="checkbox"
          checked={words[name] === true}
          onChange={(event) => onWords({ ...words, [name]: event.currentTarget.checked })}
        />
      ) : (
        <input
          id={id}
          required={isRequired}
          placeholder={summary}
          value={String(words[name] ?? "")}
          onInput={(event) => onWords({ ...words, [name]: event.currentTarget.value })}
        />
      )}
    </div>
  );
}
