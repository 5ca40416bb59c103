"""Load generator wrk with a list of paths."""

import json
import re
import subprocess
import tempfile


def wrk(
    address: str, paths: list[str], seconds: int, connections: int = 8, headers: dict[str, str] | None = None
) -> dict[str, float]:
    """Request the paths in turn.

    Return requests per second (`rate`), percentiles of latency in milliseconds (`p50`, `p95`, `p99`) and the number of requests
    (`count`).
    """
    script = f"""
        local paths = {{ {", ".join(json.dumps(path) for path in paths)} }}
        local n = 0
        request = function() n = n + 1; return wrk.format("GET", paths[(n - 1) % #paths + 1]) end
        done = function(summary, latency)
            local ms = function(share) return latency:percentile(share) / 1e3 end
            local rate = summary.requests / summary.duration * 1e6
            local figures = string.format("%f %f %f %f %d", rate, ms(50), ms(95), ms(99), summary.errors.status)
            io.write("R " .. figures .. " " .. summary.requests .. "\\n")
        end"""
    with tempfile.NamedTemporaryFile("w", suffix=".lua") as file:
        file.write(script)
        file.flush()
        command = ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "60s", "-s", file.name]
        command += [f"-H{name}: {value}" for name, value in (headers or {}).items()]
        command.append(address)
        output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    (line,) = re.findall(r"^R (.*)$", output, re.MULTILINE)
    rate, p50, p95, p99, errors, count = (float(part) for part in line.split())
    assert errors == 0, output
    return {"rate": rate, "p50": p50, "p95": p95, "p99": p99, "count": count}
