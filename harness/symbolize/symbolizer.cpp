// SPDX-License-Identifier: Apache-2.0
// Symbolizer: whom to believe about an address; see symbolizer.h.
#include "harness/symbolize/symbolizer.h"

#include <algorithm>
#include <chrono>
#include <exception>
#include <numeric>
#include <string_view>
#include <thread>
#include <tuple>
#include <utility>

#include "harness/base/workers.h"
#include "harness/symbolize/frame_cache.h"

namespace leakgate::symbolize {
namespace {

const std::string kEmpty;

/// Below, a second reader's start costs more than it saves.
constexpr std::size_t kWorthTwo = 4096;

/// Of a program that ends sooner there is little to name.
constexpr std::chrono::milliseconds kReadAheadDelay{100};

/// How internal a C name looks: the underscores at its start. 0 for C++ names, which have no such custom.
std::size_t internal_marks(std::string_view name) {
  return name.starts_with("_Z") ? 0 : std::min(name.find_first_not_of('_'), name.size());
}

/// Debug information of -g1 leaves away what a function stands in, and every test of GoogleTest's is called
/// "TestBody()" then; `symbol`, where it is that function's, has the whole name.
void restore_scope(FunctionName& function, const char* symbol) {
  const std::string_view shown = function.compact;
  const std::string_view name = shown.substr(0, shown.find_first_of("(<"));
  if (symbol == nullptr || name.empty() || name.find("::") != name.npos) return;
  if (!std::string_view(symbol).starts_with("_Z")) return;
  FunctionName whole = name_from_linker(symbol);
  const std::string in_scope = "::" + std::string(name);
  for (auto at = whole.compact.find(in_scope); at != std::string::npos;
       at = whole.compact.find(in_scope, at + 1)) {
    const char behind = whole.compact.c_str()[at + in_scope.size()];
    if (behind != '(' && behind != '<') continue;
    function = std::move(whole);
    return;
  }
}

/// Of the instruction: a return address is that of the one behind the call.
std::uint64_t address_of(const Query& query) {
  return query.is_return_address && query.offset > 0 ? query.offset - 1 : query.offset;
}

}  // namespace

Symbolizer::Symbolizer(SymbolizerOptions options) : options_(std::move(options)), paths_(options_.paths) {}

Symbolizer::~Symbolizer() = default;

std::uint32_t Symbolizer::add_module(ModuleFile file) {
  modules_.push_back(std::make_unique<ReadModule>());
  modules_.back()->info = std::move(file);
  return static_cast<std::uint32_t>(modules_.size() - 1);
}

const std::string& Symbolizer::build_id(std::uint32_t module) {
  if (module >= modules_.size()) return kEmpty;
  const ReadModule& loaded = load(module);
  if (!loaded.info.build_id.empty() || !loaded.file) return loaded.info.build_id;
  return loaded.file->build_id();
}

const std::string& Symbolizer::note(std::uint32_t module) const {
  return module < modules_.size() ? modules_[module]->note : kEmpty;
}

ReadAhead& Symbolizer::read_ahead() {
  if (!ahead_) ahead_ = std::make_unique<ReadAhead>(options_, kReadAheadDelay);
  return *ahead_;
}

ReadModule& Symbolizer::load(std::uint32_t index) {
  std::unique_ptr<ReadModule>& module = modules_[index];
  if (ahead_ && !module->loaded)
    if (auto read = ahead_->take(module->info)) module = std::move(read);
  module->load(options_);
  return *module;
}

void Symbolizer::bound_memory(std::uint32_t in_use) {
  std::size_t total = 0;
  for (const auto& module : modules_)
    total += module->dwarf ? module->dwarf->memory_bytes() : 0;
  while (total > options_.max_cache_bytes) {
    ReadModule* oldest = nullptr;
    for (std::uint32_t i = 0; i < modules_.size(); ++i) {
      ReadModule* module = modules_[i].get();
      if (!module->dwarf || i == in_use) continue;
      if (oldest == nullptr || module->last_use < oldest->last_use) oldest = module;
    }
    // The module in use goes last: with queries in address order it has little left that is needed again.
    if (oldest == nullptr) oldest = modules_[in_use].get();
    if (!oldest->dwarf) return;
    total -= std::min(total, oldest->dwarf->memory_bytes());
    shown_paths_.clear();
    // One that ran into its bounds must not get them afresh.
    if (oldest->dwarf->exhausted()) {
      oldest->dwarf.reset();
      continue;
    }
    oldest->dwarf.reset();
    oldest->dwarf_loaded = false;
  }
}

const std::string& Symbolizer::shown_path(const char* path) {
  const auto known = shown_paths_.find(path);
  if (known != shown_paths_.end()) return known->second;
  return shown_paths_.emplace(path, paths_.display(path)).first->second;
}

std::vector<model::Frame> Symbolizer::show(std::span<const NamedFrame> named) const {
  std::vector<model::Frame> frames;
  for (const NamedFrame& source : named) {
    model::Frame frame;
    frame.function = source.function.compact;
    frame.full_function = source.function.full;
    if (!source.file.empty()) frame.file = paths_.display(source.file);
    frame.line = source.line;
    frame.column = source.column;
    frame.inlined = source.inlined;
    frames.push_back(std::move(frame));
  }
  return frames;
}

void Symbolizer::keep(const ReadModule& module, std::uint64_t address) {
  if (!options_.frames || !module.is_named_by_one_file || !module.dwarf || !module.note.empty()) return;
  std::vector<NamedFrame> named;
  for (const SourceFrame& source : source_frames_)
    named.push_back({source.function, source.file != nullptr ? source.file : "", source.line, source.column,
                     source.inlined});
  options_.frames->add(module.info, module.named_by(), address, std::move(named));
}

bool Symbolizer::is_kept(const ModuleFile& module, std::uint64_t address) const {
  return options_.frames && options_.use_dwarf && options_.frames->has(module, address);
}

bool Symbolizer::keeps(const ModuleFile& module) const {
  return options_.frames && options_.use_dwarf && options_.frames->knows(module);
}

void Symbolizer::stop_reading() {
  if (ahead_) ahead_->stop();
}

void Symbolizer::keep_expected(ReadModule& module) {
  if (!module.is_named_by_one_file || !module.dwarf) return;
  std::vector<model::Frame> unwanted;
  try {
    for (const std::uint64_t address : std::exchange(module.expected, {}))
      if (module.note.empty() && !is_kept(module.info, address)) resolve_in(module, address, unwanted);
  } catch (const std::exception&) {  // whoever asks for the address is told what is wrong with it
  }
}

void Symbolizer::store() {
  if (!options_.frames) return;
  // what was expected is expected in the next run, too: nobody is to read a debug file for it again
  if (ahead_) unwanted_ = ahead_->take_rest();
  for (const auto* const modules : {&modules_, &unwanted_})
    for (const auto& module : *modules)
      keep_expected(*module);
  options_.frames->store();
}

void Symbolizer::resolve_in(ReadModule& module, std::uint64_t address, std::vector<model::Frame>& frames) {
  if (!module.file || !module.file->is_code(address)) return;
  if (!module.dwarf_loaded) module.load_dwarf(options_);
  source_frames_.clear();
  if (module.dwarf) {
    module.dwarf->resolve(address, source_frames_);
    if (module.dwarf->exhausted() && module.note.empty()) {
      module.note =
          "symbols are incomplete: the debug information of " + module.info.path + " is too large or damaged";
    }
  }
  if (source_frames_.empty()) source_frames_.emplace_back();
  FunctionName& function = source_frames_.back().function;
  restore_scope(function, module.symbols.find(address));
  // The C library's debug information says __GI___libc_malloc where everybody, and the symbol table, says
  // malloc.
  if (function.compact.empty() || internal_marks(function.compact) > 0) {
    const char* symbol = module.symbols.find(address);
    if (symbol != nullptr && (function.compact.empty() || internal_marks(symbol) == 0)) {
      function = name_from_linker(symbol);
    }
  }
  keep(module, address);
  for (SourceFrame& source : source_frames_) {
    model::Frame frame;
    frame.function = std::move(source.function.compact);
    frame.full_function = std::move(source.function.full);
    if (source.file != nullptr) frame.file = shown_path(source.file);
    frame.line = source.line;
    frame.column = source.column;
    frame.inlined = source.inlined;
    frames.push_back(std::move(frame));
  }
}

std::vector<model::Frame> Symbolizer::resolve(std::uint32_t module, std::uint64_t offset,
                                              bool is_return_address) {
  std::vector<model::Frame> frames;
  if (module < modules_.size()) {
    const std::uint64_t address = address_of({module, offset, is_return_address});
    if (const ModuleFile& file = modules_[module]->info; is_kept(file, address)) {
      frames = show(options_.frames->find(file, address));
    } else {
      ReadModule& loaded = load(module);
      loaded.last_use = ++clock_;
      resolve_in(loaded, address, frames);
      if (clock_ % 64 == 0) bound_memory(module);
    }
  }
  if (frames.empty()) frames.emplace_back();
  for (model::Frame& frame : frames) {
    frame.module = module < modules_.size() ? module : model::kNone;
    frame.offset = offset;
  }
  return frames;
}

std::vector<std::vector<model::Frame>> Symbolizer::resolve_all(std::span<const Query> queries) {
  std::vector<std::size_t> order(queries.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    const auto key = [&](std::size_t i) {
      return std::tuple(queries[i].module, queries[i].offset, queries[i].is_return_address, i);
    };
    return key(a) < key(b);
  });
  std::vector<std::vector<model::Frame>> results(queries.size());
  // what is kept is for this thread to say, and leaves less to be read
  std::vector<std::size_t> kept;
  std::erase_if(order, [&](std::size_t i) {
    const Query& query = queries[i];
    if (query.module >= modules_.size() || !is_kept(modules_[query.module]->info, address_of(query)))
      return false;
    kept.push_back(i);
    return true;
  });
  resolve_part(queries, kept, results);
  if (order.size() < kWorthTwo || std::thread::hardware_concurrency() < 2) {
    resolve_part(queries, order, results);
    return results;
  }
  // The DWARF reader is not thread-safe, but two of them are two.
  SymbolizerOptions half = options_;
  half.max_cache_bytes /= 2;
  half.frames = nullptr;  // which is for one thread
  Symbolizer other(half);
  for (const auto& module : modules_)
    (void)other.add_module(module->info);
  const auto all = std::span<const std::size_t>(order);
  run_workers(2, [&](unsigned worker) {
    if (worker == 0)
      resolve_part(queries, all.first(order.size() / 2), results);
    else
      other.resolve_part(queries, all.subspan(order.size() / 2), results);
  });
  for (std::size_t i = 0; i < modules_.size(); ++i)
    if (modules_[i]->note.empty()) modules_[i]->note = other.modules_[i]->note;
  return results;
}

void Symbolizer::resolve_part(std::span<const Query> queries, std::span<const std::size_t> order,
                              std::vector<std::vector<model::Frame>>& results) {
  for (std::size_t i = 0; i < order.size(); ++i) {
    const Query& query = queries[order[i]];
    if (i > 0) {
      const Query& before = queries[order[i - 1]];
      if (before.module == query.module && before.offset == query.offset &&
          before.is_return_address == query.is_return_address) {
        results[order[i]] = results[order[i - 1]];
        continue;
      }
    }
    results[order[i]] = resolve(query.module, query.offset, query.is_return_address);
  }
}

}  // namespace leakgate::symbolize
