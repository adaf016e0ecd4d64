// A traffic generator for the wire benches: sendmmsg on a packet socket past the queueing discipline, the fastest way out
// of user space on a veth pair. Frames are UDP in IPv4 between many MACs and addresses.
//
//   traffic INTERFACE flood SECONDS LENGTH STATIONS CPU   sends as fast as it can; prints frames sent
//   traffic INTERFACE burst COUNT LENGTH STATIONS CPU     sends COUNT frames, then exits
//   traffic INTERFACE drain COUNT PID 0 CPU               continues process PID, which was stopped with COUNT frames in
//                                                         its ring; prints the seconds until all of them arrived here
//
// The destination is no MAC of the receiving host, so a kernel sink drops the frame early (OTHERHOST), alike for all.

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
  int burst = strcmp(mode, "burst") == 0;
  uint64_t sent = 0;
  double start = now(), end = start + limit;
  for (int at = 0;; at = (at + BURST) % POOL) {
    int count = BURST;
    if (burst && limit - sent < count) count = limit - sent;
    if (burst ? count <= 0 : now() >= end) break;
    int done = sendmmsg(fd, messages + at, count, 0);
    if (done < 0 && errno != ENOBUFS && errno != EAGAIN) return perror("sendmmsg"), 1;
    if (done > 0) sent += done;
  }
  printf("{\"sent\":%llu,\"seconds\":%.6f}\n", (unsigned long long)sent, now() - start);
  return 0;
}
