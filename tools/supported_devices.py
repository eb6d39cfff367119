#!/usr/bin/env python3
"""Write docs/supported-devices.md and its Chinese twin from firmware_profiles/data.

    .venv/bin/python tools/supported_devices.py

A test holds the checked-in pages to what this writes: correct a profile, then run this.
"""

from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

from drivers.catalog import load_driver
from drivers.quality_scale import Level, Scale, quality_scale
from firmware_profiles import Evidence, Profile, load_all
from protocols.zk.layouts import Layout

DOCS = Path(__file__).resolve().parent.parent / "docs"


@dataclass(frozen=True, kw_only=True)
class Words:
    """One language of the page."""

    intro: str
    drivers: tuple[str, ...]
    levels: dict[Level, str]
    columns: tuple[str, ...]
    transports: dict[str, str]
    layouts: dict[Layout, str]
    evidence: dict[Evidence, str]
    by_itself: str
    by_name: str
    closing: str


ENGLISH = Words(
    intro="""\
# Supported devices

[中文](supported-devices.zh-CN.md)

Written by `tools/supported_devices.py` from `firmware_profiles/data` and `drivers/quality_scale.toml`;
correct a profile there, not this page.

DRIVERS
How well a driver is proven, rule by rule: [the quality scale](quality-scale.md). Line counters and card
readers need no profile: they are described in the site file. What follows are the terminals that are
asked for their log (driver `zk-pull`, port 4370).

## What the evidence means

| evidence | what it says | what to expect |
|---|---|---|
| seen | real bytes of this model exist (the source says which) and our decoders read them | works as described |
| documented | vendor text, or several independent programs or reports, agree; we hold no bytes | works; compare the first pull with the terminal's screen |
| expected | inferred from the family, or one source alone | try it, compare the first pull, tell us what you saw |

No model here was tried by us on hardware. Whatever a profile expects, the bytes have the last word:
the layout is chosen by what makes sense of the log. A log that no layout fits is kept whole, none of
its rows is published, and an alarm is raised.

"Recognised" says how a terminal finds its profile: by what it reports about itself, or only by
`profile = "…"` in its `[[device]]`, where nobody has seen what the model reports.
""",
    drivers=("Drivers", "driver", "kind", "devices", "level"),
    levels={level: level.value for level in Level},
    columns=("model", "profile", "recognised", "transport", "records", "evidence", "source"),
    transports={"zk-tcp": "TCP 4370", "zk-udp": "UDP 4370"},
    layouts={
        Layout.ATT40: "40 bytes",
        Layout.ATT16: "16 bytes",
        Layout.ATT8A: "8 bytes, flags first",
        Layout.ATT8B: "8 bytes, time first",
        Layout.ATT49: "49 bytes",
        Layout.ATT36: "36 bytes",
    },
    evidence={
        Evidence.CAPTURED: "seen",
        Evidence.DOCUMENTED: "documented",
        Evidence.EXPECTED: "expected",
    },
    by_itself="by itself",
    by_name="by name only",
    closing="""\
## Your model is not listed

```sh
edge-agent device info 10.0.0.7      # the terminal's address
edge-agent device probe 10.0.0.7     # the same step by step, with what to do about each
```

If a profile matches, you are done. If none does, the command stops and prints what the terminal says
about itself, ready to paste into a report. Until there is a profile, take one of a similar model:

```toml
[[device]]
name = "gate"
kind = "zk-pull"
host = "10.0.0.7"
profile = "zkteco/k40"
```

and compare the first `edge-agent device pull gate` with the terminal's screen: names of people,
times, in and out.

Some newer firmware (reply 6001; seen on MB10-VL and SenseFace 3A) accepts only the vendor's encrypted
channel and cannot be pulled: `device probe` says so. Access panels (C3, inBio) share the port and are
no terminals.
""",
)

CHINESE = Words(
    intro="""\
# 支持的设备

[English](supported-devices.md)

本页由 `tools/supported_devices.py` 根据 `firmware_profiles/data` 和 `drivers/quality_scale.toml` 生成；请改档案，不要改本页。

DRIVERS
各驱动逐条规则的证明见[质量等级](quality-scale.md)（英文）。产线计数器和读卡器不需要设备档案，直接写在站点文件里。以下是由网关主动读取日志的考勤机（驱动 `zk-pull`，端口 4370）。

## 证据等级

| 证据 | 含义 | 如何看待 |
|---|---|---|
| 实测字节 | 有该型号的真实字节（来源栏说明是哪些），并已解码 | 按描述工作 |
| 有文献 | 厂商文档，或多个独立程序、报告一致；我们没有字节 | 可用；首次读取请与考勤机屏幕核对 |
| 推断 | 由同系列推断，或只有一个来源 | 先试，核对首次读取，并告诉我们结果 |

我们没有在任何一台真机上测试过。无论档案怎么写，以字节为准：记录格式按日志本身是否合理来选；没有任何格式合理时，整份日志原样保存，不发布任何一行，并报警。

“识别方式”：按考勤机自报的信息识别；若没有人见过该型号的自报信息，则只能在 `[[device]]` 里用 `profile = "…"` 指定。
""",
    drivers=("驱动", "驱动", "kind", "设备", "等级"),
    levels={
        Level.TRIAL: "试验",
        Level.SOUND: "可用（每条记录读到且只读到一次）",
        Level.STURDY: "坚固（断线、无应答、错设备、错时钟都能应对）",
        Level.PROVEN: "已印证（与他人的字节和程序一致，有技术员手册）",
        Level.FIELDED: "已在现场运行",
    },
    columns=("型号", "档案", "识别方式", "连接", "记录", "证据", "来源"),
    transports={"zk-tcp": "TCP 4370", "zk-udp": "UDP 4370"},
    layouts={
        Layout.ATT40: "40 字节",
        Layout.ATT16: "16 字节",
        Layout.ATT8A: "8 字节，标志在前",
        Layout.ATT8B: "8 字节，时间在前",
        Layout.ATT49: "49 字节",
        Layout.ATT36: "36 字节",
    },
    evidence={
        Evidence.CAPTURED: "实测字节",
        Evidence.DOCUMENTED: "有文献",
        Evidence.EXPECTED: "推断",
    },
    by_itself="自动",
    by_name="仅按名指定",
    closing="""\
## 没有您的型号

```sh
edge-agent device info 10.0.0.7      # 考勤机的地址
edge-agent device probe 10.0.0.7     # 逐步检查，每一步都说明怎么办
```

如有档案匹配，即可使用。没有匹配时，命令会停止并打印考勤机自报的信息，可直接粘贴到报告里。在有档案之前，可先指定相近型号：

```toml
[[device]]
name = "gate"
kind = "zk-pull"
host = "10.0.0.7"
profile = "zkteco/k40"
```

然后把首次 `edge-agent device pull gate` 的结果与考勤机屏幕核对：人员、时间、上下班方向。

部分新固件（回复 6001；见于 MB10-VL、SenseFace 3A）只接受厂商的加密通道，无法读取，`device probe` 会说明。门禁控制器（C3、inBio）使用同一端口，但不是考勤机。
""",
)

PAGES = {"supported-devices.md": ENGLISH, "supported-devices.zh-CN.md": CHINESE}


def page(profiles: tuple[Profile, ...], words: Words) -> str:
    """The whole page: one table for each make, makes and models by name."""
    parts = [words.intro.replace("DRIVERS", _drivers(quality_scale(), words))]
    by_make = sorted(profiles, key=lambda profile: (profile.make, profile.name, profile.key))
    for make, models in groupby(by_make, key=lambda profile: profile.make):
        rule = "|" + "---|" * len(words.columns)
        rows = [_row(profile, words) for profile in models]
        parts.append("\n".join([f"## {make}\n", _cells(words.columns), rule, *rows, ""]))
    parts.append(words.closing)
    return "\n".join(parts)


def _drivers(scale: Scale, words: Words) -> str:
    """One row for each built-in driver, with its technician's page."""
    title, *columns = words.drivers
    rows = [f"## {title}\n", _cells(tuple(columns)), "|" + "---|" * len(columns)]
    for kind, answers in scale.drivers.items():
        manifest = load_driver(kind).manifest
        pages = answers["documented"].done
        name = f"[{manifest.title}]({pages[0].removeprefix('docs/')})" if pages else manifest.title
        makes = ", ".join(manifest.makes)
        rows.append(_cells((name, f"`{kind}`", makes, words.levels[scale.level(kind)])))
    return "\n".join([*rows, ""])


def _row(profile: Profile, words: Words) -> str:
    return _cells(
        (
            profile.name,
            f"`{profile.key}`",
            words.by_name if profile.match is None else words.by_itself,
            words.transports[profile.transport],
            words.layouts[profile.record_layout],
            words.evidence[profile.evidence],
            profile.source,
        )
    )


def _cells(texts: tuple[str, ...]) -> str:
    return "| " + " | ".join(text.replace("|", "\\|") for text in texts) + " |"


if __name__ == "__main__":
    for name, words in PAGES.items():
        (DOCS / name).write_text(page(load_all(), words), encoding="utf-8")
