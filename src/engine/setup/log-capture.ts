// The module that holds standard error back while TensorFlow's library loads: its C++ source, and what to let through.

export const LOG_CAPTURE_NAME = 'log_capture.node';

/** What the compiled module exports. */
export interface LogCapture {
  /** Sends this process's standard error to memory. */
  capture(): void;
  /** Ends that, and returns what was written meanwhile. */
  release(): string;
}

/**
 * The library prints lines of information from its static initialisers, before any setting of its log level can reach it.
 * They are written by C++ code, so only the file descriptor itself can hold them back.
 */
export const LOG_CAPTURE_SOURCE = `#include <node_api.h>
#include <sys/mman.h>
#include <unistd.h>
#include <string>

namespace {
int kept_stderr = -1;
int memory = -1;

napi_value Capture(napi_env, napi_callback_info) {
  if (memory >= 0) return nullptr;
  memory = memfd_create("log", 0);
  if (memory < 0) return nullptr;
  kept_stderr = dup(2);
  dup2(memory, 2);
  return nullptr;
}

napi_value Release(napi_env env, napi_callback_info) {
  std::string text;
  if (memory >= 0) {
    dup2(kept_stderr, 2);
    close(kept_stderr);
    const off_t size = lseek(memory, 0, SEEK_END);
    text.resize(size > 0 ? size : 0);
    const ssize_t got = pread(memory, &text[0], text.size(), 0);
    text.resize(got > 0 ? got : 0);
    close(memory);
    memory = -1;
  }
  napi_value result;
  napi_create_string_utf8(env, text.data(), text.size(), &result);
  return result;
}
}  // namespace

NAPI_MODULE_INIT() {
  napi_value function;
  napi_create_function(env, "capture", NAPI_AUTO_LENGTH, Capture, nullptr, &function);
  napi_set_named_property(env, exports, "capture", function);
  napi_create_function(env, "release", NAPI_AUTO_LENGTH, Release, nullptr, &function);
  napi_set_named_property(env, exports, "release", function);
  return exports;
}
`;

const ENTRY = /^([IWEF]\d{4} |WARNING: All log messages before absl|\d{4}-\d\d-\d\d [\d:.]+: )/;
const INFORMATION = /^(I\d{4} |WARNING: All log messages before absl|\d{4}-\d\d-\d\d [\d:.]+: I )/;

/** What is left of a log without its entries of information; a line that begins no entry goes with the one before it. */
export function withoutInformation(log: string): string {
  let isKept = true;
  const kept = log.split('\n').filter((line) => {
    if (ENTRY.test(line)) isKept = !INFORMATION.test(line);
    return isKept;
  });
  return kept.join('\n').trim();
}
