"""The words of the line board, in Chinese and English: a part of the catalogue in words.py."""

PHRASES: dict[str, tuple[str, str]] = {
    "board": ("产线看板", "Line board"),
    "board_title": ("产线实时看板", "Live line board"),
    "board_now": ("现在", "Now"),
    "wall": ("大屏(不显示姓名)", "Wall (no names)"),
    "desk": ("桌面版", "Desk view"),
    "freeze": ("暂停刷新", "Freeze"),
    "unfreeze": ("继续刷新", "Go on"),
    "frozen": ("画面已暂停,停在 {at}。", "The picture is frozen at {at}."),
    "stale": ("数据停在 {at}", "Data stands at {at}"),
    "stale_do": (
        "正在重新连接;若不恢复,请看 hr-core serve 是否在运行。",
        "Connecting again; if it does not recover, check that hr-core serve is running.",
    ),
    "shift": ("班次", "Shift"),
    "no_shift": ("现在没有班次。", "No shift is on now."),
    "next_shift": ("下一班次 {at} 开始。", "The next shift begins {at}."),
    "board_complete": ("数据齐", "Complete"),
    "board_incomplete": ("数据未齐", "Incomplete"),
    "delay": ("延迟 {seconds} 秒", "{seconds} s behind"),
    "delay_unknown": ("还没有读数", "no reading yet"),
    "targets": (
        "限值:人员 {person} %,产线 {line} %",
        "Limits: person {person} %, line {line} %",
    ),
    "unknown_number": ("未知", "not known"),
    "silent_never": ("{counter}:从未收到", "{counter}: never heard"),
    "silent_since": ("{counter}:自 {at} 没有读数", "{counter}: silent since {at}"),
    "as_of": ("截至 {at}", "as of {at}"),
    "trend": ("近 8 小时次品率", "Rate over 8 hours"),
    "tile_picture": (
        "{percent},95 % 区间 {low}–{high} %,刻度 0–10 %,线在 {person} % 和 {line} %",
        "{percent}, 95 % interval {low}–{high} %, scale 0–10 %, ticks at {person} % and {line} %",
    ),
    "no_lines": (
        "还没有产线:在人员文件里加 [[line]] 和 [[station]],再运行 hr-core import。",
        (
            "There are no lines yet: add [[line]] and [[station]] to the people file, "
            "then run hr-core import."
        ),
    ),
    "alerts": ("提醒", "Alerts"),
    "alerts_open": ("提醒({count} 未关)", "Alerts ({count} open)"),
    "no_alerts": ("没有提醒。", "No alert is open."),
    "a_person": ("一名人员", "One person"),
    "over": ("{percent} > {limit} %", "{percent} > {limit} %"),
    "since_at": ("自 {at}", "since {at}"),
    "owner": ("负责人 {name}", "owner {name}"),
    "no_owner": ("没有负责人", "no owner"),
    "not_acknowledged": ("未确认", "not acknowledged"),
    "acknowledged": ("{at} 由 {name} 确认", "acknowledged {at} by {name}"),
    "acknowledged_wall": ("{at} 已确认", "acknowledged {at}"),
    "escalates": ("{at} 升级", "escalates {at}"),
    "escalated": ("已升级 {count} 次", "escalated {count} times"),
    "cleared": ("{at} 已回落,待填原因", "came down {at}, cause still open"),
    "hides": ("代表另 {count} 条:{names}", "stands for {count} more: {names}"),
    "acknowledge": ("确认", "Acknowledge"),
    "close_alert": ("原因…(关闭)", "Cause … (closes)"),
    "hand_over": ("转给…", "Hand over …"),
    "who_acts": ("您的工号", "Your number"),
    "to_whom": ("转给(工号)", "To (number)"),
    "cause": ("原因", "Cause"),
    "board_note": ("说明", "Note"),
    "close_now": ("关闭", "Close"),
    "p_chart": ("p 控制图:{line}", "p-chart: {line}"),
    "p_chart_lead": (
        "每点一小时;上下限按每点件数计算。方块:超出控制限。",
        "A point an hour; limits follow each point's pieces. Squares: out of control.",
    ),
    "limits_plain": ("二项式控制限", "Binomial limits"),
    "limits_laney": ("Laney p′ 控制限", "Laney p′ limits"),
    "sigma_z": ("σz {value}", "σz {value}"),
    "centre": ("中心线 {value} %", "Centre {value} %"),
    "series_upper": ("上限 UCL", "UCL"),
    "series_lower": ("下限 LCL", "LCL"),
    "series_centre": ("中心 p̄", "Centre p̄"),
    "chart_numbers": ("图中数字", "Numbers of the chart"),
    "no_points": ("还没有可画的点。", "There is no point to draw yet."),
    "hour": ("小时", "Hour"),
    "out_of_control": ("失控", "Out of control"),
    "in_control": ("受控", "In control"),
    "board_state": ("状态", "State"),
    "lines": ("产线", "Lines"),
    "board_people": ("人员", "People"),
    "evidence": ("证据", "Evidence"),
    "too_few_n": ("样本不足(n={n})", "Too few (n={n})"),
    "no_people_yet": (
        "本班还没有归属到人的件数。",
        "No piece of this shift belongs to a person yet.",
    ),
    "unattributed_share": ("占 {percent}", "{percent} of all"),
    "watch": ("关注", "Watch"),
    "alert": ("超限", "Over limit"),
    "idle": ("尚无件数", "Nothing yet"),
    "sources": ("计数来源", "Count sources"),
    "source_line": (
        "{source}({lines}):最近读数 {at},断档 {gap}",
        "{source} ({lines}): last reading {at}, gaps {gap}",
    ),
    "source_never": (
        "{source}({lines}):本班没有读数",
        "{source} ({lines}): no reading in this shift",
    ),
    "minutes": ("{count} 分", "{count} min"),
    "revision": ("版本 r{number} {status}", "Revision r{number} {status}"),
    "how_to_read": (
        "横条是 95 % 区间,刻度固定 0–10 %;按区间下限排序。◇ 表示还不知道,不是 0。",
        (
            "The bar is the 95 % interval on a fixed 0–10 % scale; sorted by its lower end. "
            "◇ means not known, never 0."
        ),
    ),
    # refusals of the board
    "stale_form": ("这个表单已过期", "This form is too old"),
    "stale_form_what": (
        "什么也没有改。服务重启过,或表单不是本页发出的。",
        "Nothing was changed. The server was restarted, or the form is not from this page.",
    ),
    "stale_form_do": (
        "请返回看板,刷新后再做一次。",
        "Go back to the board, reload it and do it again.",
    ),
    "bad_form": ("表单没有填对", "The form is not filled in right"),
    "bad_form_what": (
        "什么也没有改:“{field}” 不能是“{value}”。",
        "Nothing was changed: “{field}” cannot be “{value}”.",
    ),
    "bad_form_do": ("请返回看板,改好再提交。", "Go back to the board and correct it."),
    "no_alert_what": (
        "没有未关的提醒 {alert}。",
        "There is no open alert {alert}.",
    ),
    "no_alert_do": (
        "也许别人已经关闭了它:请刷新看板。",
        "Somebody may have closed it already: reload the board.",
    ),
}

CODES: dict[str, dict[str, tuple[str, str]]] = {
    "window_status": {
        "provisional": ("暂定", "provisional"),
        "final": ("已定", "final"),
        "locked": ("已锁定", "locked"),
    },
    "evidence": {
        "serial": ("序列号", "serial"),
        "badge": ("工牌", "badge"),
        "login": ("登录", "login"),
        "roster": ("排班", "roster"),
    },
    "doubt": {
        "rejects_exceed_pieces": ("次品多于件数", "Rejects exceed pieces"),
    },
}
