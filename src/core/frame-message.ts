// Fields of the message in which one core hands a frame to another, behind FIELDS of engine/message.ts.

import { FIELDS } from "../engine/message.ts";

export const FRAME_PORT: number = FIELDS;
export const FRAME_HOPS: number = FIELDS + 2;
export const FRAME_START: number = FIELDS + 4;
export const FRAME_END: number = FIELDS + 8;
export const FRAME_TREATED: number = FIELDS + 12;
