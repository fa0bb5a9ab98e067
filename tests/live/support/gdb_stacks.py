# SPDX-License-Identifier: Apache-2.0
# Run by gdb: the debugger's own backtrace at every allocation of 70,000 to 70,999 bytes of a program, as JSON.
#   LEAKGATE_STACKS=OUT.json gdb -nx -batch -x gdb_stacks.py --args PROGRAM [ARGS...]
import json
import os
import re
import subprocess

import gdb

# where the size stands at the entry of each function (x86-64)
SIZES = {"malloc": "$rdi", "calloc": "$rdi * $rsi", "aligned_alloc": "$rsi"}
KINDS = {gdb.NORMAL_FRAME: "normal", gdb.INLINE_FRAME: "inlined", gdb.SIGTRAMP_FRAME: "signal",
         gdb.TAILCALL_FRAME: "tail call"}
stacks = []


def mappings():
    """Address ranges with the file's path and where the file's first byte is mapped."""
    rows = []
    first = {}
    with open("/proc/%d/maps" % gdb.selected_inferior().pid) as maps:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) \S+ (\S+) \S+ \S+\s+(\S.*)$", line)
            if match:
                start, end, offset, path = int(match[1], 16), int(match[2], 16), int(match[3], 16), match[4]
                if offset == 0:
                    first[path] = start
                rows.append((start, end, path))
    return [(start, end, path, first.get(path, start)) for start, end, path in rows]


def is_position_dependent(path):
    with open(path, "rb") as file:
        head = file.read(18)
    return head[:4] == b"\x7fELF" and head[16] == 2


def describe(frame, rows):
    sal = frame.find_sal()
    pc = frame.pc()
    row = {"kind": KINDS.get(frame.type(), "other"), "function": frame.name(),
           "file": sal.symtab.fullname() if sal.symtab else None, "line": sal.line if sal.symtab else None,
           "module": None, "offset": pc}
    for start, end, path, base in rows:
        if start <= pc < end:
            row["module"] = path
            if path.startswith("/") and not is_position_dependent(path) or path == "[vdso]":
                row["offset"] = pc - base
    return row


class Allocation(gdb.Breakpoint):
    def __init__(self, function, place):
        self.size = SIZES[function]
        super().__init__("*" + place, internal=True)

    def stop(self):
        size = int(gdb.parse_and_eval(self.size))
        if not 70000 <= size < 71000:
            return False
        rows = mappings()
        frames = []
        frame = gdb.newest_frame().older()  # without the allocation function itself
        while frame is not None:
            frames.append(describe(frame, rows))
            frame = frame.older()
        stacks.append({"bytes": size, "frames": frames})
        return False


for setting in ("pagination off", "confirm off", "backtrace past-main on", "backtrace past-entry on",
                "backtrace limit unlimited", "print thread-events off", "debuginfod enabled off",
                "auto-load safe-path /"):
    gdb.execute("set " + setting)
gdb.execute("handle all nostop noprint pass", to_string=True)
# a program with shared libraries stops once they are mapped, before any constructor; a static one has its functions
gdb.execute("set stop-on-solib-events 1")
gdb.execute("starti", to_string=True)
c_library = None
if any("/ld-linux" in path for _, _, path, _ in mappings()):
    while c_library is None:
        gdb.execute("continue", to_string=True)
        c_library = next(((path, base) for _, _, path, base in mappings() if "/libc.so" in path), None)
    for line in subprocess.check_output(["nm", "-D", "--defined-only", c_library[0]], text=True).splitlines():
        address, _, name = line.split()
        if name.split("@@")[0] in SIZES and ("@@" in name or "@" not in name):
            Allocation(name.split("@@")[0], hex(c_library[1] + int(address, 16)))
else:
    for function in SIZES:
        Allocation(function, function)
gdb.execute("set stop-on-solib-events 0")
gdb.execute("continue", to_string=True)
with open(os.environ["LEAKGATE_STACKS"], "w") as out:
    json.dump(stacks, out)
