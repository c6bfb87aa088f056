"""`taizhang demo`: the service, with the demo city loaded into it."""

from collections.abc import Iterator
from typing import Annotated, Final

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from services.commands.client import Client, ServiceError
from services.commands.console import ERR, Data
from services.commands.sending import Outcome, publish
from services.commands.serve import Port, banner, run
from services.demo_city.plan import SCALE_MAX, SCALE_MIN
from services.demo_city.world import EVENTS_AT_SCALE_1, events
from services.system.settings import Settings, load

_MARK: Final = "demo-city"


def demo(
    data: Data = None,
    port: Port = None,
    scale: Annotated[float, typer.Option(min=SCALE_MIN, max=SCALE_MAX, help="规模 of the demo city")] = 0.1,
    seed: Annotated[int, typer.Option(help="随机种子 of the demo city")] = 1,
) -> None:
    """演示 Serve in --dev mode and load the demo city, if the log is still empty.

    Example: taizhang demo --scale 0.1
    """
    settings = load(data=data, port=port, dev=True)

    def when_ready(address: str) -> None:
        banner(settings, address)
        load_demo_city(settings, address, scale, seed)

    run(settings, when_ready)


def load_demo_city(settings: Settings, address: str, scale: float, seed: int) -> None:
    """Publish the city's events, unless they are all there. One that was cut off goes on: repeats do no harm."""
    mark = settings.data / _MARK
    try:
        with Client(settings, url=address) as client:
            head = client.get("/health/ready")["position"]
            if head and mark.exists():
                ERR.print(f"演示城市已在 The demo city is loaded ({mark.read_text(encoding='utf-8').strip()}).")
                return
            outcome = _load(client, events(scale, seed), round(EVENTS_AT_SCALE_1 * scale))
            client.get("/v1/rates", {"min_position": outcome.position})
            mark.write_text(f"scale {scale:g}, seed {seed}\n", encoding="utf-8")
    except ServiceError as error:
        ERR.print(f"演示城市未能载入 The demo city could not be loaded: {error}", markup=False)
        return
    counts = outcome.dispositions
    ERR.print(
        f"演示城市就绪 The demo city is loaded: 接受 accepted {counts['accepted']:,}, 重复 duplicate "
        f"{counts['duplicate']:,}, 隔离 quarantined {counts['quarantined']:,} (the dirt of real feeds, on purpose)\n"
        f"试试 Try: curl '{address}/v1/rates?as_of=2024-12-31&group_by=kind'"
    )


def _load(client: Client, lines: Iterator[bytes], total: int) -> Outcome:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=ERR, transient=True) as bar:
        task = bar.add_task("载入演示城市 loading the demo city", total=total)
        return publish(client, (line.rstrip(b"\n") for line in lines), lambda sent, _: bar.update(task, advance=sent))
