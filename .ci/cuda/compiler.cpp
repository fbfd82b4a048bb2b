// libnvrtc without a card: NVIDIA's own compiles every kernel for an H100, so that what it refuses is refused; what runs is
// the same source, made a shared object by translate.py and the host's compiler. Both are kept in CARD_KERNELS.
//
// CARD_NVRTC is NVIDIA's library; without it nothing is checked.

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <dlfcn.h>
#include <fstream>
#include <string>
#include <unistd.h>

#define API extern "C" __attribute__((visibility("default")))

namespace {

enum { SUCCESS = 0, COMPILATION = 6, BUILTIN_OPERATION_FAILURE = 7 };
struct Program {
  std::string source, log, object;
};

Program *of(void *program) { return static_cast<Program *>(program); }

// FNV-1a, 64 bits.
std::string name_of(const std::string &source) {
  uint64_t hash = 14695981039346656037ull;
  for (unsigned char byte : source) hash = (hash ^ byte) * 1099511628211ull;
  char text[17];
  snprintf(text, sizeof text, "%016lx", (unsigned long)hash);
  return text;
}

bool exists(const std::string &path) { return access(path.c_str(), R_OK) == 0; }

// As a program of NVIDIA's own, into PTX.
int check(Program &program, int count, const char *const *options, const std::string &into) {
  static void *library = dlopen(getenv("CARD_NVRTC"), RTLD_NOW | RTLD_LOCAL);
  if (!library) return program.log = std::string("cannot be loaded: ") + getenv("CARD_NVRTC"), BUILTIN_OPERATION_FAILURE;
  auto call = [](const char *name) { return dlsym(library, name); };
  void *real = nullptr;
  auto create = (int (*)(void **, const char *, const char *, int, const char *const *, const char *const *))call("nvrtcCreateProgram");
  create(&real, program.source.c_str(), nullptr, 0, nullptr, nullptr);
  int status = ((int (*)(void *, int, const char *const *))call("nvrtcCompileProgram"))(real, count, options);
  size_t size = 0;
  auto sized = (int (*)(void *, size_t *))call(status ? "nvrtcGetProgramLogSize" : "nvrtcGetPTXSize");
  sized(real, &size);
  std::string text(size, 0);
  ((int (*)(void *, char *))call(status ? "nvrtcGetProgramLog" : "nvrtcGetPTX"))(real, &text[0]);
  text.resize(strlen(text.c_str()));
  if (status) program.log = text;
  else std::ofstream(into) << text;
  ((int (*)(void **))call("nvrtcDestroyProgram"))(&real);
  return status;
}

} // namespace

API int nvrtcVersion(int *major, int *minor) { return *major = 13, *minor = 0, SUCCESS; }
API int nvrtcCreateProgram(void **program, const char *source, const char *, int, const char *const *, const char *const *) {
  return *program = new Program{source, "", ""}, SUCCESS;
}
API int nvrtcDestroyProgram(void **program) {
  delete of(*program);
  return *program = nullptr, SUCCESS;
}
API int nvrtcCompileProgram(void *of_it, int count, const char *const *options) {
  Program &program = *of(of_it);
  std::string base = std::string(getenv("CARD_KERNELS")) + "/" + name_of(program.source);
  std::ofstream(base + ".cu") << program.source;
  if (getenv("CARD_NVRTC") && !exists(base + ".ptx"))
    if (int status = check(program, count, options, base + ".ptx")) return status;
  program.object = base + ".so";
  if (exists(program.object)) return SUCCESS;
  std::string command = std::string("python3 ") + getenv("CARD_HERE") + "/translate.py " + base;
  if (system(command.c_str()) == 0) return SUCCESS;
  return program.log = "cannot be translated: " + base + ".cu", COMPILATION;
}
// "PTX" is the name of a file, for driver.cpp.
API int nvrtcGetPTXSize(void *program, size_t *size) { return *size = of(program)->object.size() + 1, SUCCESS; }
API int nvrtcGetPTX(void *program, char *to) { return strcpy(to, of(program)->object.c_str()), SUCCESS; }
API int nvrtcGetProgramLogSize(void *program, size_t *size) { return *size = of(program)->log.size() + 1, SUCCESS; }
API int nvrtcGetProgramLog(void *program, char *to) { return strcpy(to, of(program)->log.c_str()), SUCCESS; }
API const char *nvrtcGetErrorString(int) { return "an error"; }
