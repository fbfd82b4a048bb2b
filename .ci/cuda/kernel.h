// What a kernel of CubeCL's finds in CUDA C++, for the host's compiler. The threads of a block take turns: each runs until it
// waits for the others. A warp's matrix is held by its first thread, and factors are rounded as the card's units do
// (CARD_TF32=0 at translation: not at all, so that results can be compared in single precision).
#pragma once
#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

using std::max;
using std::min;

#define __global__
#define __device__
#define __launch_bounds__(...)
#define __cluster_dims__(...)
#define __grid_constant__
#define __restrict__

// Threads

struct Index {
  unsigned x, y, z;
};
enum State { RUNS, WAITS_FOR_BLOCK, WAITS_FOR_WARP, ENDED };
struct Thread {
  void *stack;
  Index index;
  unsigned lane, warp;
  State state;
  char *memory;
};
static Thread *thread_;
static void *scheduler_stack;
static std::vector<Thread> threads;
static unsigned threads_in_block;
static Index blockIdx, blockDim, gridDim;
#define threadIdx (thread_->index)
alignas(1024) static char shared_memory[232448];

extern "C" void change_stack(void **from, void *to);
asm(R"(
.local change_stack
change_stack:
 pushq %rbp; pushq %rbx; pushq %r12; pushq %r13; pushq %r14; pushq %r15
 movq %rsp, (%rdi)
 movq %rsi, %rsp
 popq %r15; popq %r14; popq %r13; popq %r12; popq %rbx; popq %rbp
 ret
)");

static void wait_as(State state) {
  Thread *self = thread_;
  self->state = state;
  change_stack(&self->stack, scheduler_stack);
}
static void __syncthreads() { wait_as(WAITS_FOR_BLOCK); }
static void __syncwarp(unsigned = ~0u) { wait_as(WAITS_FOR_WARP); }
static void __threadfence() {}

static unsigned __activemask() {
  unsigned mask = 0;
  for (unsigned lane = 0; lane < 32; lane++) {
    unsigned i = thread_->warp * 32 + lane;
    if (i < threads_in_block && threads[i].state != ENDED) mask |= 1u << lane;
  }
  return mask;
}

static uint64_t exchanged[32][32];
template <class T> static T from_lane(T value, unsigned lane) {
  static_assert(sizeof(T) <= 8, "a register or two");
  memcpy(&exchanged[thread_->warp][thread_->lane], &value, sizeof value);
  __syncwarp();
  memcpy(&value, &exchanged[thread_->warp][lane], sizeof value);
  __syncwarp();
  return value;
}
template <class T> static T __shfl_sync(unsigned, T value, int lane) { return from_lane(value, lane & 31); }
template <class T> static T __shfl_xor_sync(unsigned, T value, int mask) {
  return from_lane(value, (thread_->lane ^ mask) & 31);
}
template <class T> static T __shfl_up_sync(unsigned, T value, unsigned by) {
  return from_lane(value, thread_->lane < by ? thread_->lane : thread_->lane - by);
}
template <class T> static T __shfl_down_sync(unsigned, T value, unsigned by) {
  return from_lane(value, thread_->lane + by > 31 ? thread_->lane : thread_->lane + by);
}
static unsigned __ballot_sync(unsigned mask, bool yes) {
  unsigned votes = 0;
  for (int lane = 0; lane < 32; lane++)
    if (mask >> lane & 1) votes |= unsigned(from_lane(yes, lane)) << lane;
  return votes;
}
static bool __any_sync(unsigned mask, bool yes) { return __ballot_sync(mask, yes); }
static bool __all_sync(unsigned mask, bool yes) { return __ballot_sync(mask, yes) == mask; }

// Numbers

static float reciprocal_root(float x) { return 1 / sqrtf(x); }
#define rsqrt reciprocal_root
#define rsqrtf reciprocal_root
#define __expf expf
#define __logf logf
#define __powf powf
#define __sinf sinf
#define __cosf cosf
#define __tanf tanf
#define __tanhf tanhf
#define __fsqrt_rn sqrtf
#define __frsqrt_rn reciprocal_root
#define __fmaf_rn fmaf
static float __frcp_rn(float x) { return 1 / x; }
static float __fdividef(float a, float b) { return a / b; }
static int __clz(int x) { return x ? __builtin_clz(x) : 32; }
static int __popc(unsigned x) { return __builtin_popcount(x); }
static unsigned __umulhi(unsigned a, unsigned b) { return uint64_t(a) * b >> 32; }
static int __mulhi(int a, int b) { return int64_t(a) * b >> 32; }
template <class T, class V> static T atomicAdd(T *at, V value) {
  T old = *at;
  *at = old + value;
  return old;
}

// To the nearest, halves to even.
struct __nv_bfloat16 {
  uint16_t bits;
  __nv_bfloat16() = default;
  template <class T, class = typename std::enable_if<std::is_arithmetic<T>::value>::type> __nv_bfloat16(T value) {
    float x = value;
    uint32_t wide;
    memcpy(&wide, &x, 4);
    bits = (wide & 0x7fffffff) > 0x7f800000 ? 0x7fff : (wide + 0x7fff + (wide >> 16 & 1)) >> 16;
  }
  operator float() const {
    uint32_t wide = uint32_t(bits) << 16;
    float x;
    memcpy(&x, &wide, 4);
    return x;
  }
};
// To the nearest, halves away from zero: 10 bits.
static float tf32(float x) {
#ifndef SINGLE
  uint32_t bits;
  memcpy(&bits, &x, 4);
  if ((bits & 0x7f800000) != 0x7f800000) bits = (bits + 0x1000) & 0xffffe000;
  memcpy(&x, &bits, 4);
#endif
  return x;
}

// Matrices

namespace nvcuda {
namespace wmma {
struct row_major {};
struct col_major {};
struct matrix_a {};
struct matrix_b {};
struct accumulator {};
namespace precision {
struct tf32 {};
}
enum layout_t { mem_row_major, mem_col_major };
static float __float_to_tf32(float x) { return ::tf32(x); }
template <class T> struct Kept { typedef T type; };
template <> struct Kept<precision::tf32> { typedef float type; };
template <class Use, int M, int N, int K, class T, class Layout = void> struct fragment {
  static const int rows = std::is_same<Use, matrix_b>::value ? K : M;
  static const int columns = std::is_same<Use, matrix_a>::value ? K : N;
  static const int num_elements = rows * columns;
  typename Kept<T>::type x[num_elements];
};
template <class F, class V> static void fill_fragment(F &f, V value) { std::fill_n(f.x, F::num_elements, value); }
template <class F, class T> static void load(F &f, const T *from, unsigned stride, bool by_rows) {
  __syncwarp();
  if (thread_->lane) return;
  for (int r = 0; r < F::rows; r++)
    for (int c = 0; c < F::columns; c++) f.x[r * F::columns + c] = by_rows ? from[r * stride + c] : from[c * stride + r];
}
template <class U, int M, int N, int K, class E, class L, class T>
static void load_matrix_sync(fragment<U, M, N, K, E, L> &f, const T *from, unsigned stride) {
  load(f, from, stride, std::is_same<L, row_major>::value);
}
template <class F, class T> static void load_matrix_sync(F &f, const T *from, unsigned stride, layout_t layout) {
  load(f, from, stride, layout == mem_row_major);
}
template <class F, class T> static void store_matrix_sync(T *to, const F &f, unsigned stride, layout_t layout) {
  __syncwarp();
  for (int r = 0; r < F::rows && thread_->lane == 0; r++)
    for (int c = 0; c < F::columns; c++)
      (layout == mem_row_major ? to[r * stride + c] : to[c * stride + r]) = f.x[r * F::columns + c];
  __syncwarp();
}
template <int M, int N, int K, class T, class LA, class LB, class D>
static void mma_sync(fragment<accumulator, M, N, K, D> &d, const fragment<matrix_a, M, N, K, T, LA> &a,
                     const fragment<matrix_b, M, N, K, T, LB> &b, const fragment<accumulator, M, N, K, D> &c) {
  __syncwarp();
  if (thread_->lane) return;
  auto factor = [](float x) { return std::is_same<T, precision::tf32>::value ? ::tf32(x) : x; };
  float sums[M * N];
  std::copy_n(c.x, M * N, sums);
  for (int m = 0; m < M; m++)
    for (int k = 0; k < K; k++)
      for (int n = 0; n < N; n++) sums[m * N + n] += factor(a.x[m * K + k]) * factor(b.x[k * N + n]);
  std::copy_n(sums, M * N, d.x);
}
} // namespace wmma
} // namespace nvcuda

// Launches

template <class F> struct Kernel;
template <class... A> struct Kernel<void (*)(A...)> {
  template <size_t... I> static void call(void (*kernel)(A...), void **parameters, std::index_sequence<I...>) {
    kernel(*(typename std::remove_const<A>::type *)parameters[I]...);
  }
  static void call(void (*kernel)(A...), void **parameters) { call(kernel, parameters, std::index_sequence_for<A...>()); }
  static int sizes(int *to) {
    const int all[] = {int(sizeof(A))...};
    if (to) std::copy_n(all, sizeof...(A), to);
    return sizeof...(A);
  }
};

static void (*entry)(void **);
static void **given;
static void whole_thread() {
  entry(given);
  wait_as(ENDED);
}

static Thread fresh(unsigned i, char *memory) {
  Index at = {i % blockDim.x, i / blockDim.x % blockDim.y, i / (blockDim.x * blockDim.y)};
  const size_t room = 1 << 17;
  if (!memory) memory = (char *)malloc(room);
  // Where change_stack returns to, below it six registers.
  uint64_t *top = (uint64_t *)(uintptr_t(memory + room) & ~uintptr_t(63));
  *--top = 0;
  *--top = (uint64_t)&whole_thread;
  for (int i = 0; i < 6; i++) *--top = 0;
  return {top, at, i % 32, i / 32, RUNS, memory};
}

// Lets go those of a range that wait in this state, if all of it do or have ended.
static bool let_go(unsigned from, unsigned to, State state) {
  bool any = false;
  for (unsigned i = from; i < to; i++) {
    if (threads[i].state != state && threads[i].state != ENDED) return false;
    any |= threads[i].state == state;
  }
  for (unsigned i = from; i < to; i++)
    if (threads[i].state == state) threads[i].state = RUNS;
  return any;
}

static void run_block(bool backwards) {
  const unsigned n = threads_in_block = blockDim.x * blockDim.y * blockDim.z;
  if (threads.size() < n) threads.resize(n, Thread{});
  for (unsigned i = 0; i < n; i++) threads[i] = fresh(i, threads[i].memory);
  for (bool any = true; any;) {
    any = false;
    for (unsigned k = 0; k < n; k++) {
      Thread &next = threads[backwards ? n - 1 - k : k];
      if (next.state != RUNS) continue;
      thread_ = &next;
      change_stack(&scheduler_stack, next.stack);
      any = true;
    }
    for (unsigned from = 0; from < n; from += 32) any |= let_go(from, min(from + 32, n), WAITS_FOR_WARP);
    any |= let_go(0, n, WAITS_FOR_BLOCK);
  }
  for (unsigned i = 0; i < n; i++)
    if (threads[i].state != ENDED) fprintf(stderr, "card: a block waits for ever\n"), abort();
}

static void run_grid(void (*kernel)(void **), void **parameters, const unsigned *grid, const unsigned *block, unsigned shared) {
  // Blocks and threads in either order: results must not depend on it.
  static const bool backwards = getenv("CARD_BACKWARDS");
  entry = kernel, given = parameters;
  gridDim = {grid[0], grid[1], grid[2]}, blockDim = {block[0], block[1], block[2]};
  const uint64_t blocks = uint64_t(grid[0]) * grid[1] * grid[2];
  for (uint64_t k = 0; k < blocks; k++) {
    const uint64_t i = backwards ? blocks - 1 - k : k;
    blockIdx = {unsigned(i % grid[0]), unsigned(i / grid[0] % grid[1]), unsigned(i / grid[0] / grid[1])};
    memset(shared_memory, 0xff, shared);
    run_block(backwards);
  }
}
