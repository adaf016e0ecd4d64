// What an explanation is made of: the rows of `show`, and how many cores there are.

import type { Query, Row } from "../show.ts";

export interface Asked {
  /** The rows of an object, chosen as `show` chooses them. */
  rows(object: string, query?: Query): Promise<Row[]>;
  readonly cores: number;
}
