// A traffic generator for the wire benches. Frames are UDP in IPv4 between many MACs and addresses. A flood comes into an
// interface as from its driver: BPF_PROG_TEST_RUN with live frames (Linux 5.18) runs an XDP program that writes the
// addresses and lets the frame pass. What is sent from user space is a third as much, so that the generator would be
// the limit. The rest is sendmmsg on a packet socket past the queueing discipline.
//
//   traffic INTERFACE flood SECONDS LENGTH STATIONS CPU   receives as fast as it can, in whole rounds; prints frames made
//   traffic INTERFACE burst COUNT LENGTH STATIONS CPU     sends COUNT frames, then exits
//   traffic INTERFACE drain COUNT PID 0 CPU               continues process PID, which was stopped with COUNT frames in
//                                                         its ring; prints the seconds until all of them arrived here
//
// The destination is no MAC of the receiving host, so a kernel sink drops the frame early (OTHERHOST), alike for all.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

enum { BURST = 64, POOL = 8192 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static uint16_t checksum(const uint8_t *at, int length) {
  uint32_t sum = 0;
  for (int i = 0; i < length; i += 2) sum += at[i] << 8 | at[i + 1];
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return ~sum;
}

static void fill(uint8_t *frame, int length, int station, int stations) {
  int peer = stations - 1 - station;
  memset(frame, 0, length);
  frame[0] = 0x02, frame[3] = 0xd0, frame[4] = peer >> 8, frame[5] = peer;
  frame[6] = 0x02, frame[9] = 0x50, frame[10] = station >> 8, frame[11] = station;
  frame[12] = 0x08;
  uint8_t *ip = frame + 14;
  int total = length - 14;
  ip[0] = 0x45, ip[2] = total >> 8, ip[3] = total, ip[8] = 64, ip[9] = 17;
  ip[12] = 10, ip[13] = 1, ip[14] = station >> 8, ip[15] = station;
  ip[16] = 10, ip[17] = 2, ip[18] = peer >> 8, ip[19] = peer;
  uint16_t sum = checksum(ip, 20);
  ip[10] = sum >> 8, ip[11] = sum;
  ip[20] = 0x10, ip[21] = station, ip[22] = 0x20, ip[23] = peer;
  ip[24] = (total - 20) >> 8, ip[25] = total - 20;
}

static long received(int fd) {
  char text[32] = "";
  return pread(fd, text, sizeof text - 1, 0) > 0 ? atol(text) : -1;
}

/* Times how long a stopped process takes to pass on what waits in its ring. */
static int drain(const char *interface, long count, pid_t pid) {
  char path[128];
  snprintf(path, sizeof path, "/sys/class/net/%s/statistics/rx_packets", interface);
  int fd = open(path, O_RDONLY);
  long base = received(fd), seen = base;
  double start = now(), last = start;
  kill(pid, SIGCONT);
  while (seen < base + count) {
    long fresh = received(fd);
    double time = now();
    if (fresh != seen) seen = fresh, last = time;
    if (time - last > 0.2) break;
  }
  printf("{\"sent\":%ld,\"seconds\":%.6f}\n", seen - base, last - start);
  return 0;
}

static int bpf(int command, union bpf_attr *with) { return syscall(SYS_bpf, command, with, sizeof *with); }

static int load(const struct bpf_insn *program, size_t bytes) {
  union bpf_attr with = {0};
  with.prog_type = BPF_PROG_TYPE_XDP;
  with.insns = (uintptr_t)program;
  with.insn_cnt = bytes / sizeof *program;
  with.license = (uintptr_t) "Apache-2.0";
  return bpf(BPF_PROG_LOAD, &with);
}

/* An XDP program that makes a frame one of a random station to its peer, as fill does, and lets it pass. */
static int address(int stations) {
  enum { MOV = 0xbf, MOVI = 0xb7, LDW = 0x61, STH = 0x6b, STB = 0x73, BE = 0xdc, CALL = 0x85, EXIT = 0x95 };
  struct bpf_insn program[] = {
      {MOV, 6, 1, 0, 0},
      {CALL, 0, 0, 0, BPF_FUNC_get_prandom_u32},
      {0x94, 0, 0, 0, stations},               /* w0 %= stations */
      {MOVI, 9, 0, 0, stations - 1},
      {0x1f, 9, 0, 0, 0},                      /* r9 -= r0: the peer */
      {LDW, 7, 6, 0, 0},        /* data */
      {LDW, 8, 6, 4, 0},                       /* data_end */
      {MOV, 1, 7, 0, 0},
      {0x07, 1, 0, 0, 38},
      {0x2d, 1, 8, 10, 0},                     /* shorter than 38: as it is */
      {STB, 7, 0, 35, 0},
      {STB, 7, 9, 37, 0},
      {MOV, 1, 0, 0, 0},
      {BE, 1, 0, 0, 16},
      {STH, 7, 1, 10, 0},
      {STH, 7, 1, 28, 0},
      {MOV, 1, 9, 0, 0},
      {BE, 1, 0, 0, 16},
      {STH, 7, 1, 4, 0},
      {STH, 7, 1, 32, 0},
      {MOVI, 0, 0, 0, XDP_PASS},
      {EXIT, 0, 0, 0, 0},
  };
  return load(program, sizeof program);
}

/* An XDP program that lets everything pass: with one, a veth has the receive queue that frames come in by. */
static int pass(int interface) {
  struct bpf_insn program[] = {{0xb7, 0, 0, 0, XDP_PASS}, {0x95, 0, 0, 0, 0}};
  union bpf_attr with = {0};
  with.link_create.prog_fd = load(program, sizeof program);
  with.link_create.target_ifindex = interface;
  with.link_create.attach_type = BPF_XDP;
  with.link_create.flags = XDP_FLAGS_DRV_MODE;
  return bpf(BPF_LINK_CREATE, &with);
}

/* Frames of the kernel's own making. A round is long, since between two of them nothing comes for some 15 ms. */
static int flood(const char *interface, double seconds, int length, int stations) {
  enum { ROUND = 1 << 18 };
  int index = if_nametoindex(interface);
  int program = address(stations);
  if (program < 0) return perror("BPF_PROG_LOAD"), 1;
  if (pass(index) < 0) return perror("BPF_LINK_CREATE"), 1;
  uint8_t frame[2048];
  fill(frame, length, 0, stations);
  uint64_t sent = 0;
  double start = now();
  while (now() < start + seconds) {
    struct xdp_md context = {.data_end = length, .ingress_ifindex = index};
    union bpf_attr with = {0};
    with.test.prog_fd = program;
    with.test.data_in = (uintptr_t)frame;
    with.test.data_size_in = length;
    with.test.ctx_in = (uintptr_t)&context;
    with.test.ctx_size_in = sizeof context;
    with.test.repeat = ROUND;
    with.test.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
    with.test.batch_size = BURST;
    if (bpf(BPF_PROG_TEST_RUN, &with) < 0) return perror("BPF_PROG_TEST_RUN"), 1;
    sent += ROUND;
  }
  printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, now() - start);
  return 0;
}

int main(int argc, char **argv) {
  if (argc < 7) return 2;
  const char *mode = argv[2];
  double limit = atof(argv[3]);
  int length = atoi(argv[4]), stations = atoi(argv[5]), cpu = atoi(argv[6]);
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(cpu, &set);
    sched_setaffinity(0, sizeof set, &set);
  }
  if (strcmp(mode, "drain") == 0) return drain(argv[1], limit, length);
  if (strcmp(mode, "flood") == 0) return flood(argv[1], limit, length, stations);
  int fd = socket(AF_PACKET, SOCK_RAW, 0);
  if (fd < 0) return perror("socket"), 1;
  int one = 1;
  setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one);
  struct sockaddr_ll to = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(argv[1])};
  if (bind(fd, (struct sockaddr *)&to, sizeof to) != 0) return perror("bind"), 1;
  uint8_t *pool = malloc((size_t)POOL * length);
  struct mmsghdr *messages = calloc(POOL, sizeof *messages);
  struct iovec *parts = calloc(POOL, sizeof *parts);
  for (int i = 0; i < POOL; i++) {
    fill(pool + (size_t)i * length, length, i % stations, stations);
    parts[i] = (struct iovec){pool + (size_t)i * length, length};
    messages[i].msg_hdr = (struct msghdr){.msg_iov = parts + i, .msg_iovlen = 1};
  }
  uint64_t sent = 0;
  double start = now();
  for (int at = 0; sent < limit; at = (at + BURST) % POOL) {
    int count = limit - sent < BURST ? limit - sent : BURST;
    int done = sendmmsg(fd, messages + at, count, 0);
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN) return perror("sendmmsg"), 1;
    if (done > 0) sent += done;
  }
  printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, now() - start);
  return 0;
}
