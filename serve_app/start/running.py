"""Ray and Serve, from the first process to the last."""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import FrameType

import psutil

from serve_app.adapters import whereabouts
from serve_app.core.errors import UnderstudyError
from serve_app.start.logins import ready_for_logins
from serve_app.start.settings import HOST, Settings
from serve_app.start.telling import Phases, banner
from serve_app.start.waiting import (
    Failed,
    stay_while_alive,
    wait_until_answering,
    wait_until_deployed,
    wait_until_trained,
)

DRAIN_S = 25.0
"""How long Serve may take to finish what is being asked; Ray's own processes then get GRACE_S."""
GRACE_S = 5.0

Deploy = Callable[[bool], None]


def run(settings: Settings, phases: Phases) -> int:
    """Starts, waits, tells, stays until a signal, and ends everything. The exit status."""
    _stop_on(signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
    status = 1
    try:
        settings = replace(settings, operator=ready_for_logins(settings.platform))
        deploy = _start(settings, phases)
        wait_until_answering(settings, phases)
        with phases("pipelines started"):
            deploy(True)
            wait_until_deployed()
        wait_until_trained(settings, phases)
        banner(settings, phases)
        stay_while_alive(settings)
    except KeyboardInterrupt:
        status = 0
    except (Failed, UnderstudyError) as error:
        print(f"✗ {error}", file=sys.stderr)
    except Exception as error:
        print(f"✗ Understudy cannot run: {type(error).__name__}: {str(error).splitlines()[0][:300]}", file=sys.stderr)
    finally:
        _stop_on(signal.SIGTERM, signal.SIGINT, signal.SIGHUP, handler=signal.SIG_IGN)
        whereabouts.forget(Path(settings.platform.state))
        _end()
    return status


def _start(settings: Settings, phases: Phases) -> Deploy:
    """Ray, and on it what answers; what learns would only take the cores from it, and comes after."""
    import ray
    from ray.serve._private.api import serve_start
    from ray.serve.schema import ServeDeploySchema

    with phases("Ray started"):
        ray.init(
            address="local",
            namespace="serve",
            num_cpus=max(2, os.cpu_count() or 2),
            include_dashboard=True,
            dashboard_host=HOST,
            dashboard_port=settings.dashboard_port,
            _node_ip_address=HOST,
            log_to_driver=False,
            logging_level="ERROR",
        )
    with phases("Serve started"):  # as `serve run` does it
        config = ServeDeploySchema.model_validate(settings.config)
        client = serve_start(http_options=config.http_options.model_dump(), proxy_location=config.proxy_location)

        def deploy(everything: bool) -> None:
            """An application that did not change is left alone by Serve."""
            chosen = [app for app in config.applications if everything or app.route_prefix is not None]
            client.deploy_apps(config.model_copy(update={"applications": chosen}))

        deploy(False)
    whereabouts.write(Path(settings.platform.state), ray.get_runtime_context().gcs_address, settings.dashboard)
    return deploy


def _end() -> None:
    """Everything that this process started and nothing else, also when a part of it hangs."""
    mine = psutil.Process().children(recursive=True)
    print("stopping …", flush=True)
    ending = threading.Thread(target=_shut_down, daemon=True)
    ending.start()
    ending.join(DRAIN_S)
    _, left = psutil.wait_procs(mine, timeout=GRACE_S)
    for process in left:
        process.kill()
    print("stopped")


def _shut_down() -> None:
    try:
        import ray
        from ray import serve

        if ray.is_initialized():
            serve.shutdown()
            ray.shutdown()
    except Exception as error:
        print(f"Ray did not shut down by itself ({type(error).__name__}); its processes are ended", file=sys.stderr)


def _stop_on(*signals: signal.Signals, handler: object = None) -> None:
    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    for each in signals:
        signal.signal(each, handler or interrupt)  # type: ignore[arg-type]
