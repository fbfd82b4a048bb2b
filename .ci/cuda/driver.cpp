// libcuda without a card: what CubeCL calls of NVIDIA's driver. Memory is the host's, a kernel is a shared object that
// compiler.cpp made, and a stream is a queue that is emptied as late as it may be, a little of it now and then: what is
// not ordered by a stream or an event comes in any order, by CARD_SEED.
//
// CARDS (1), CARD_MEMORY (8192, in MiB each), CARD_SEED (1), CARD_LOG (a file: a line per kernel, copy and allocation),
// CARD_RUNS: so many kernels are run, and those behind them counted alone, with memory that begins as zeros: for networks that
// are too large to be run here.

#include <climits>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <condition_variable>
#include <chrono>
#include <deque>
#include <dlfcn.h>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <vector>

#define API extern "C" __attribute__((visibility("default")))

namespace {

// CUresult
enum Status { SUCCESS = 0, INVALID_VALUE = 1, OUT_OF_MEMORY = 2, NO_DEVICE = 100, INVALID_DEVICE = 101,
              INVALID_IMAGE = 200, NOT_FOUND = 500, NOT_READY = 600 };
typedef uint64_t Pointer;
typedef std::unique_lock<std::recursive_mutex> Lock;

long setting(const char *name, long otherwise) {
  const char *text = getenv(name);
  return text ? atol(text) : otherwise;
}

std::recursive_mutex mutex;
std::condition_variable_any changed;
std::mt19937 order(setting("CARD_SEED", 1));

struct Device {
  int number;
  size_t memory, used;
};
std::deque<Device> devices; // A pointer to one is its context.
thread_local Device *current = nullptr;

void set_up() {
  if (!devices.empty()) return;
  for (long i = 0; i < setting("CARDS", 1); i++)
    devices.push_back({int(i), size_t(setting("CARD_MEMORY", 8192)) << 20, 0});
}

void log(const char *what, const char *name, size_t a, unsigned b = 1, unsigned c = 1) {
  static FILE *file = getenv("CARD_LOG") ? fopen(getenv("CARD_LOG"), "w") : nullptr;
  if (file) fprintf(file, "%s %s %zu %u %u\n", what, name, a, b, c), fflush(file);
}

[[noreturn]] void wrong(const char *what, const char *why, size_t bytes) {
  fprintf(stderr, "card: %s: %s (%zu bytes)\n", what, why, bytes);
  abort();
}

// Streams

struct Stream {
  // An operation says whether it could be done; if not, it is asked again.
  std::deque<std::function<bool()>> waiting;
  uint64_t put = 0, done = 0;
  bool busy = false;
};
struct Event {
  Stream *stream = nullptr;
  uint64_t after = 0;
};
std::vector<Stream *> streams;
Stream the_default;
// So many operations may wait in a stream.
const size_t DEPTH = 200;

bool step(Stream *stream) {
  if (stream->waiting.empty() || stream->busy) return false;
  stream->busy = true;
  bool done = stream->waiting.front()();
  stream->busy = false;
  if (done) stream->waiting.pop_front(), stream->done++, changed.notify_all();
  return done;
}

// Now and then something is done that nobody waits for.
void stir() {
  for (Stream *stream : streams)
    while (order() % 3 == 0 && step(stream)) {}
}

void until(Stream *stream, uint64_t count, Lock &lock) {
  while (stream->done < count) {
    bool any = step(stream);
    for (size_t i = 0; !any && i < streams.size(); i++) any = streams[i] != stream && step(streams[i]);
    if (!any) changed.wait_for(lock, std::chrono::milliseconds(200));
  }
}

void finish(Stream *stream, Lock &lock) { until(stream, stream->put, lock); }

void finish_all(Lock &lock) {
  for (Stream *stream : std::vector<Stream *>(streams)) finish(stream, lock);
  finish(&the_default, lock);
}

Stream *named(void *stream) { return stream ? static_cast<Stream *>(stream) : &the_default; }

void put(void *into, std::function<bool()> operation) {
  Stream *stream = named(into);
  stream->waiting.push_back(std::move(operation));
  stream->put++;
  changed.notify_all();
  if (stream->waiting.size() > DEPTH)
    while (stream->waiting.size() > DEPTH / 4 && step(stream)) {}
}

// Memory

std::map<Pointer, std::pair<Device *, size_t>> allocated;
std::map<const char *, size_t> pinned;

// Fresh memory holds no numbers, and what was freed holds others.
Status allocate(Pointer *to, size_t bytes) {
  void *memory = nullptr;
  if (current->used + bytes > current->memory || posix_memalign(&memory, 512, bytes)) return OUT_OF_MEMORY;
  memset(memory, getenv("CARD_RUNS") ? 0 : 0xff, bytes);
  log("allocate", "memory", bytes);
  current->used += bytes;
  allocated[*to = Pointer(memory)] = {current, bytes};
  return SUCCESS;
}

void release(Pointer at) {
  auto found = allocated.find(at);
  if (found == allocated.end()) wrong("free", "no memory of this card", 0);
  found->second.first->used -= found->second.second;
  memset((void *)at, 0xfe, found->second.second);
  free((void *)at);
  allocated.erase(found);
}

void *checked(const char *what, Pointer at, size_t bytes) {
  auto after = allocated.upper_bound(at);
  if (after == allocated.begin()) wrong(what, "no memory of a card", bytes);
  --after;
  if (at + bytes > after->first + after->second.second) wrong(what, "behind the end", bytes);
  return (void *)at;
}

// Memory of the host that the system may not move: read when the copy is made. Other memory is read at once.
bool is_pinned(const void *at) {
  auto after = pinned.upper_bound((const char *)at);
  if (after == pinned.begin()) return false;
  --after;
  return (const char *)at < after->first + after->second;
}

std::function<const char *()> source(const void *from, size_t bytes) {
  if (is_pinned(from)) return [=] { return (const char *)from; };
  auto copy = std::make_shared<std::vector<char>>((const char *)from, (const char *)from + bytes);
  return [=] { return copy->data(); };
}

// Kernels

struct Function {
  std::string name;
  void (*run)(void **, const unsigned *grid, const unsigned *block, unsigned shared);
  std::vector<int> sizes;
};
const unsigned SHARED = 232448, THREADS = 1024;

} // namespace

// For transport.cpp: an operation of a stream, until it says that it is done.
API void card_put(void *stream, bool (*operation)(void *), void *about) {
  Lock lock(mutex);
  put(stream, [=] { return operation(about); });
}

API int cuInit(unsigned) {
  Lock lock(mutex);
  set_up();
  return devices.empty() ? NO_DEVICE : SUCCESS;
}
API int cuDriverGetVersion(int *version) { return *version = 13000, SUCCESS; }
API int cuDeviceGetCount(int *count) {
  Lock lock(mutex);
  set_up();
  return *count = devices.size(), SUCCESS;
}
API int cuDeviceGet(int *device, int number) {
  return number < int(devices.size()) ? (*device = number, SUCCESS) : INVALID_DEVICE;
}
API int cuDeviceGetName(char *name, int room, int device) {
  return snprintf(name, room, "no card, number %d", device), SUCCESS;
}
API int cuDeviceGetPCIBusId(char *name, int room, int device) {
  return snprintf(name, room, "0000:%02x:00.0", device + 1), SUCCESS;
}
API int cuDeviceTotalMem_v2(size_t *bytes, int device) { return *bytes = devices[device].memory, SUCCESS; }
// Those of an H100, by their numbers in CUdevice_attribute.
API int cuDeviceGetAttribute(int *value, int attribute, int) {
  static const std::map<int, int> known = {
      {1, THREADS}, {2, 1024}, {3, 1024}, {4, 64}, {5, 2147483647}, {6, 65535}, {7, 65535}, {8, 49152}, {10, 32},
      {12, 65536}, {16, 132}, {39, 2048}, {75, 9}, {76, 0}, {81, 233472}, {97, SHARED}, {115, 1}};
  auto found = known.find(attribute);
  return *value = found == known.end() ? 0 : found->second, SUCCESS;
}
API int cuDevicePrimaryCtxRetain(void **context, int device) { return *context = &devices[device], SUCCESS; }
API int cuDevicePrimaryCtxRelease_v2(int) { return SUCCESS; }
API int cuCtxSetCurrent(void *context) { return current = static_cast<Device *>(context), SUCCESS; }
API int cuCtxGetCurrent(void **context) { return *context = current, SUCCESS; }
API int cuCtxSynchronize() {
  Lock lock(mutex);
  return finish_all(lock), SUCCESS;
}
API int cuCtxGetStreamPriorityRange(int *least, int *greatest) { return *least = 0, *greatest = -5, SUCCESS; }

API int cuStreamCreate(void **stream, unsigned) {
  Lock lock(mutex);
  streams.push_back(new Stream);
  return *stream = streams.back(), SUCCESS;
}
API int cuStreamCreateWithPriority(void **stream, unsigned flags, int) { return cuStreamCreate(stream, flags); }
API int cuStreamSynchronize(void *stream) {
  Lock lock(mutex);
  stir();
  return finish(named(stream), lock), SUCCESS;
}
API int cuStreamDestroy_v2(void *stream) { return cuStreamSynchronize(stream); }
API int cuStreamQuery(void *stream) {
  Lock lock(mutex);
  stir();
  return named(stream)->waiting.empty() ? SUCCESS : NOT_READY;
}
API int cuStreamWaitEvent(void *stream, void *of, unsigned) {
  Lock lock(mutex);
  Event event = *static_cast<Event *>(of);
  if (!event.stream) return SUCCESS;
  put(stream, [=] {
    while (event.stream->done < event.after)
      if (!step(event.stream)) return false;
    return true;
  });
  return SUCCESS;
}

API int cuEventCreate(void **event, unsigned) { return *event = new Event, SUCCESS; }
API int cuEventDestroy_v2(void *event) {
  delete static_cast<Event *>(event);
  return SUCCESS;
}
API int cuEventRecord(void *event, void *stream) {
  Lock lock(mutex);
  put(stream, [] { return true; });
  *static_cast<Event *>(event) = {named(stream), named(stream)->put};
  return SUCCESS;
}
API int cuEventSynchronize(void *of) {
  Lock lock(mutex);
  stir();
  Event *event = static_cast<Event *>(of);
  if (event->stream) until(event->stream, event->after, lock);
  return SUCCESS;
}
API int cuEventQuery(void *of) {
  Lock lock(mutex);
  stir();
  Event *event = static_cast<Event *>(of);
  return !event->stream || event->stream->done >= event->after ? SUCCESS : NOT_READY;
}
API int cuEventElapsedTime(float *milliseconds, void *, void *) { return *milliseconds = 1, SUCCESS; }
API int cuEventElapsedTime_v2(float *milliseconds, void *, void *) { return *milliseconds = 1, SUCCESS; }

API int cuMemAlloc_v2(Pointer *to, size_t bytes) {
  Lock lock(mutex);
  return allocate(to, bytes);
}
API int cuMemAllocAsync(Pointer *to, size_t bytes, void *) { return cuMemAlloc_v2(to, bytes); }
API int cuMemFree_v2(Pointer at) {
  Lock lock(mutex);
  finish_all(lock);
  return release(at), SUCCESS;
}
API int cuMemFreeAsync(Pointer at, void *stream) {
  Lock lock(mutex);
  put(stream, [=] { return release(at), true; });
  return SUCCESS;
}
API int cuMemGetInfo_v2(size_t *left, size_t *all) {
  return *all = current->memory, *left = current->memory - current->used, SUCCESS;
}
API int cuMemAllocHost_v2(void **to, size_t bytes) {
  Lock lock(mutex);
  if (posix_memalign(to, 512, bytes ? bytes : 1)) return OUT_OF_MEMORY;
  pinned[(const char *)*to] = bytes;
  return SUCCESS;
}
API int cuMemFreeHost(void *at) {
  Lock lock(mutex);
  finish_all(lock);
  pinned.erase((const char *)at);
  return free(at), SUCCESS;
}

API int cuMemcpyHtoDAsync_v2(Pointer to, const void *from, size_t bytes, void *stream) {
  Lock lock(mutex);
  log("to", "card", bytes);
  auto values = source(from, bytes);
  put(stream, [=] { return memcpy(checked("to a card", to, bytes), values(), bytes), true; });
  return SUCCESS;
}
API int cuMemcpyDtoHAsync_v2(void *to, Pointer from, size_t bytes, void *stream) {
  Lock lock(mutex);
  log("from", "card", bytes);
  put(stream, [=] { return memcpy(to, checked("from a card", from, bytes), bytes), true; });
  if (!is_pinned(to)) finish(named(stream), lock);
  return SUCCESS;
}
API int cuMemcpyDtoDAsync_v2(Pointer to, Pointer from, size_t bytes, void *stream) {
  Lock lock(mutex);
  put(stream, [=] { return memcpy(checked("on a card", to, bytes), checked("on a card", from, bytes), bytes), true; });
  return SUCCESS;
}
// CUDA_MEMCPY2D: rows of `width` bytes.
struct Rows {
  size_t from_x, from_y;
  unsigned from_kind;
  const void *from_host;
  Pointer from;
  void *from_array;
  size_t from_pitch, to_x, to_y;
  unsigned to_kind;
  void *to_host;
  Pointer to;
  void *to_array;
  size_t to_pitch, width, height;
};
API int cuMemcpy2DAsync_v2(const Rows *rows, void *stream) {
  Lock lock(mutex);
  Rows r = *rows;
  const unsigned HOST = 1;
  auto values = source(r.from_host, r.from_kind == HOST ? r.from_pitch * (r.height - 1) + r.width : 0);
  put(stream, [=] {
    for (size_t y = 0; y < r.height; y++) {
      const void *from = r.from_kind == HOST ? values() + y * r.from_pitch
                                             : checked("rows", r.from + y * r.from_pitch, r.width);
      void *to = r.to_kind == HOST ? (char *)r.to_host + y * r.to_pitch
                                   : checked("rows", r.to + y * r.to_pitch, r.width);
      memcpy(to, from, r.width);
    }
    return true;
  });
  if (r.to_kind == HOST && !is_pinned(r.to_host)) finish(named(stream), lock);
  return SUCCESS;
}
API int cuMemsetD8Async(Pointer at, unsigned char value, size_t bytes, void *stream) {
  Lock lock(mutex);
  put(stream, [=] { return memset(checked("fill", at, bytes), value, bytes), true; });
  return SUCCESS;
}

API int cuModuleLoadData(void **module, const void *image) {
  return (*module = dlopen((const char *)image, RTLD_NOW | RTLD_LOCAL)) ? SUCCESS
                                                                          : (fprintf(stderr, "card: %s\n", dlerror()), INVALID_IMAGE);
}
API int cuModuleUnload(void *) { return SUCCESS; }
API int cuModuleGetFunction(void **function, void *module, const char *name) {
  auto sizes = (int (*)(int *))dlsym(module, "card_sizes");
  auto run = (decltype(Function::run))dlsym(module, "card_run");
  if (!sizes || !run) return NOT_FOUND;
  Function *found = new Function{name, run, std::vector<int>(sizes(nullptr))};
  sizes(found->sizes.data());
  return *function = found, SUCCESS;
}
API int cuFuncSetAttribute(void *, int, int) { return SUCCESS; }
API int cuLaunchKernel(void *of, unsigned x, unsigned y, unsigned z, unsigned bx, unsigned by, unsigned bz,
                       unsigned shared, void *stream, void **parameters, void **) {
  Lock lock(mutex);
  Function *function = static_cast<Function *>(of);
  log("run", function->name.c_str(), x, y, z);
  size_t threads = size_t(bx) * by * bz;
  if (!x || !y || !z || y > 65535 || z > 65535 || !threads || threads > THREADS || shared > SHARED) return INVALID_VALUE;
  static long left = setting("CARD_RUNS", LONG_MAX);
  if (left-- <= 0) return SUCCESS;
  auto values = std::make_shared<std::vector<std::vector<char>>>();
  for (size_t i = 0; i < function->sizes.size(); i++)
    values->emplace_back((char *)parameters[i], (char *)parameters[i] + function->sizes[i]);
  put(stream, [=] {
    std::vector<void *> pointers;
    for (auto &value : *values) pointers.push_back(value.data());
    const unsigned grid[] = {x, y, z}, block[] = {bx, by, bz};
    return function->run(pointers.data(), grid, block, shared), true;
  });
  return SUCCESS;
}
API int cuGetErrorName(int status, const char **name) {
  return *name = status == OUT_OF_MEMORY ? "CUDA_ERROR_OUT_OF_MEMORY" : "CUDA_ERROR", SUCCESS;
}
API int cuGetErrorString(int status, const char **text) {
  return *text = status == OUT_OF_MEMORY ? "out of memory" : "an error", SUCCESS;
}
