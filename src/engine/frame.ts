// What a frame is, for everyone: two offsets (start, end) into the arena. `start` is the first byte of the
// destination MAC; there is no frame check sequence. VLAN tags are always in line.
//
//   start-HEADROOM          start-10        start                      end
//   |  room for tags  ...  |  offload  |  MACs  [tag]  type  payload |
//
// The OFFLOAD bytes before `start` are a virtio_net_hdr (Virtual I/O Device 1.2, 5.1.6), little-endian, as
// AF_PACKET and TAP pass it: a frame from a local kernel may have a checksum still to finish, or be a super-frame
// to cut. Ten zero bytes mean an ordinary, whole frame. Whoever moves the MACs to add or remove a tag moves these
// ten bytes along and adjusts hdr_len and csum_start (wire/vlan.ts does both). A driver that receives without
// such a header writes zeros.
//
// A received frame's bytes are valid, and may be changed in place, until the end of the burst. Who needs them
// longer copies them (Out.hold). What was given to Out.transmit must stay untouched until the end of the burst.

import { OFFLOAD as HEADER } from "../wire/offload.ts";

/** Bytes before `start` that belong to the frame's buffer; enough for the offload header and two tags. */
export const HEADROOM = 32;
/** Length of the offload header before `start`. */
export const OFFLOAD: number = HEADER;
/** Capacity of an ordinary buffer from `start`: a tagged frame of MTU 1500 twice over the usual, our choice. */
export const FRAME_ROOM: number = 2048 - HEADROOM;
/** Size of an ordinary buffer, headroom included. */
export const BUFFER = 2048;
/**
 * Size of a buffer for super-frames (64 KiB and headers: IFF_VNET_HDR), headroom included: a multiple of 4096.
 */
export const BIG_BUFFER = 69632;
/** Shortest frame: two MACs and a type. Frames on veth are not padded to 60 bytes. */
export const MIN_FRAME = 14;
