"""Every word that a page shows, in Chinese and English: plain data and the look-up.

Names, numbers and codes of rules are not translated. A code that is not in its group is shown as
it is: a new flag must be visible before somebody translates it.
"""

from datetime import date
from typing import Literal, get_args

from hr_core.web import (
    account_words,
    approval_words,
    attendance_words,
    board_words,
    change_words,
    compare_words,
    fact_words,
    pay_words,
    performance_words,
    piece_words,
    scoring_words,
)

Language = Literal["zh", "en"]
LANGUAGES: tuple[Language, ...] = get_args(Language)

_Both = tuple[str, str]  # (zh, en)

PHRASES: dict[str, _Both] = {
    "language": ("zh-CN", "en"),
    "other_language": ("English", "中文"),
    "title": ("打卡 · 次品率 · 算薪", "Punches · defect rates · pay"),
    "start": ("首页", "Start page"),
    "sections": ("本页内容", "On this page"),
    "show": ("查看", "Show"),
    "earlier": ("前一天", "Day before"),
    "later": ("后一天", "Day after"),
    "month_earlier": ("上个月", "Month before"),
    "month_later": ("下个月", "Month after"),
    "today": ("今天", "Today"),
    "page_of": ("第 {page} 页,共 {pages} 页({total} 行)", "Page {page} of {pages} ({total} rows)"),
    "page_before": ("上一页", "Previous page"),
    "page_after": ("下一页", "Next page"),
    # words of the states (specs/users/screens.md 0)
    "ok": ("正常", "OK"),
    "working": ("进行中", "Working"),
    "needs_you": ("需处理", "Needs you"),
    # punches
    "punches": ("打卡", "Punches"),
    "punches_of": ("{day} 打卡", "Punches of {day}"),
    "day": ("日期", "Day"),
    "time": ("时间", "Time"),
    "person": ("姓名(工号)", "Person (number)"),
    "device": ("考勤机", "Terminal"),
    "direction": ("方向", "Direction"),
    "method": ("方式", "Method"),
    "flags": ("标记", "Flags"),
    "people_punched": ("人数", "People"),
    "unmapped": ("未对应到人", "Unmapped"),
    "device_user": ("登记号码 {user_id}", "device user {user_id}"),
    "proof_of": ("{time} 这条打卡的凭据", "Proof of the punch at {time}"),
    "unmapped_help": (
        "{count} 条打卡没有对应的人,已保存。",
        ("No person claims {count} of these punches; they are kept."),
    ),
    "no_punches": ("{day} 没有打卡记录。", "No punch is stored for {day}."),
    "no_punches_at_all": (
        "还没有任何打卡记录:请检查网关是否已连接(hr-core token,edge-agent status)。",
        (
            "No punch has arrived yet: check that a gateway is connected "
            "(hr-core token, edge-agent status)."
        ),
    ),
    "latest_day": ("查看最近有打卡的一天:{day}", "Show the latest day with punches: {day}"),
    # defect rates
    "rates": ("次品率", "Defect rates"),
    "rates_of": ("{month} 次品率", "Defect rates of {month}"),
    "month": ("月份", "Month"),
    "pieces": ("件数", "Pieces"),
    "rejects": ("次品", "Rejects"),
    "rate": ("次品率", "Rate"),
    "grade": ("等级", "Grade"),
    "interval": ("95 % 区间", "95 % interval"),
    "over_limit": ("超限", "Over limit"),
    "over_limit_people": ("超限人数", "People over limit"),
    "within_limit": ("限内", "Within"),
    "too_few": ("样本不足", "Too few"),
    "more_rejects": ("次品多于件数", "Rejects exceed pieces"),
    "provisional": ("(暂)", "(prov.)"),
    "limit": ("限值 {percent} %", "Limit {percent} %"),
    "rates_legend": (
        "点:测得的次品率;横线:95 % 区间;竖虚线:限值。按区间下限排序。(暂):区间跨多个等级。",
        (
            "Dot: measured rate; bar: 95 % interval; dashed line: limit. Sorted by the interval's lower "
            "end. (prov.): the interval spans several grades."
        ),
    ),
    "picture": (
        "{percent},95 % 区间 {low}–{high} %,限值 {limit} %",
        "{percent}, 95 % interval {low}–{high} %, limit {limit} %",
    ),
    "picture_scale": ("刻度 0 至 10 %,限值 {limit} %", "Scale 0 to 10 %, limit {limit} %"),
    "unattributed": ("未归属", "Unattributed"),
    "total": ("合计", "Total"),
    "line": ("产线", "Line"),
    "sums_agree": (
        "人员 + 未归属 = 合计 = 各产线之和",
        "People + unattributed = total = sum of the lines",
    ),
    "sums_differ": (
        "人员、未归属与产线之和不一致:请勿据此发薪,并报告此问题",
        "People, unattributed and lines do not add up: do not pay by this, and report it",
    ),
    "unknown_counters": (
        "未登记的计数器(未计入):在人员文件里加 [[station]]",
        "Unknown counters (not counted): add a [[station]] to the people file",
    ),
    "unknown_badges": (
        "无人对应的工牌(计入未归属):在人员文件里加 badges",
        "Badges of nobody (under unattributed): add badges to the people file",
    ),
    "counter_notes": ("未按常规计入的读数", "Readings that did not count plainly"),
    "and_more": ("另有 {count} 条", "and {count} more"),
    "readings": ("读数", "Readings"),
    "no_rates": ("{month} 没有计数读数。", "No counter reading is stored for {month}."),
    "latest_month": (
        "查看最近有读数的月份:{month}",
        "Show the latest month with readings: {month}",
    ),
    "no_people": (
        "还没有人员:请先导入人员文件(hr-core import people.toml)。",
        "There are no people yet: import a people file (hr-core import people.toml).",
    ),
    "no_law": (
        "{on} 没有适用的规则({item}):请在 hr_core/data 补上有出处的条目。",
        "No rule covers {on} ({item}): add the sourced rows to hr_core/data.",
    ),
    # the pay run
    "run": ("算薪", "Pay run"),
    "run_title": ("{month} 算薪 #{number}", "Pay run #{number} of {month}"),
    "run_choice": ("#{number} · {month}", "#{number} · {month}"),
    "slips": ("工资条", "Payslips"),
    "computed_at": ("算于 {at}", "computed {at}"),
    "scheme": ("方案 {version}", "scheme {version}"),
    "open_days": ("待澄清(天)", "Days to clarify"),
    "open_slips": ("有待澄清日的人", "People with open days"),
    "none_open": ("无", "None"),
    "no_run": ("{month} 还没有算薪:", "No pay run of {month} yet:"),
    "no_run_at_all": ("还没有算薪:", "No pay run yet:"),
    "latest_run": (
        "查看最近一次算薪:#{number}({month})",
        "Show the latest run: #{number} ({month})",
    ),
    "findings": ("这次算薪请核对", "Look at these before you pay"),
    "unmapped_users": ("没有对应到人的登记号码", "Device users of nobody"),
    "distrusted": ("时间不可信、未计入的打卡", "Punches whose time is not believed"),
    # a payslip
    "slip": ("工资条", "Payslip"),
    "slip_of": ("{month} 工资条:{name}", "Payslip {month}: {name}"),
    "number": ("工号", "Number"),
    "replayed": (
        "每一行都已按其记录重新计算,结果一致",
        "Every line was computed again from its record and agrees",
    ),
    "not_replayed": (
        "有一行与其计算记录不一致:请勿发放,并联系管理员",
        "A line contradicts its calculation record: do not pay it, and tell the administrator",
    ),
    "line_broken": ("与计算记录不一致:{what}", "Contradicts its record: {what}"),
    "to_clarify": ("待澄清", "To clarify"),
    "open_hint": ("点开每一行,看它怎么算出来。", "Open a line to see how it came about."),
    "how": ("怎么算的", "How"),
    "rule": ("规则", "Rule"),
    "version": ("版本", "Version"),
    "source": ("依据", "Source"),
    "inputs": ("输入", "Inputs"),
    "steps": ("步骤", "Steps"),
    "days": ("哪些天", "Days"),
    "hours": ("时长", "Hours"),
    "arrived": ("上班打卡", "Arrived"),
    "left": ("下班打卡", "Left"),
    "work": ("计数", "Counted work"),
    "station": ("计数器", "Counter"),
    "from_reading": ("起始读数", "First reading"),
    "to_reading": ("结束读数", "Last reading"),
    "amount": ("数量", "Amount"),
    "comparisons": ("等级界线", "Grade edges"),
    "holds": ("成立", "holds"),
    "holds_not": ("不成立", "does not hold"),
    "note": ("记录的说明", "Note as stored"),
    "formula_kept": ("记录的公式", "Formula as stored"),
    "fen": ("分", "fen"),
    "back_to_run": ("返回算薪 #{number}", "Back to run #{number}"),
    # an event
    "event": ("原始记录", "Raw event"),
    "event_lead": (
        "这就是凭据:设备发来的字节,以及我们读出的内容。",
        "The proof: the bytes that the device sent, and what we read in them.",
    ),
    "facts": ("读出的内容", "Decoded facts"),
    "path": ("经过的路", "The way it came"),
    "raw": ("原始字节", "Raw bytes"),
    "raw_size": ("{size} 字节", "{size} bytes"),
    "raw_text": ("按文本显示", "As text"),
    "raw_whole": ("连续十六进制(可复制)", "Hex in one piece (to copy)"),
    "raw_cut": (
        "上面只显示前 {shown} 字节;完整内容在下面。",
        "Only the first {shown} bytes are laid out above; all of them follow.",
    ),
    "raw_none": (
        "这条记录没有随附字节(例如人工录入,或来源没有提供)。",
        "No bytes came with this record (entered by hand, or a source that gives none).",
    ),
    "somebody_else": ("另一个人(不显示)", "Somebody else (not shown)"),
    "raw_masked": (
        "字节里可能有另一个人的号码,所以不显示;原始记录完整保存,由人事核对。",
        "The bytes may hold somebody else's id and are not shown; the record is kept whole, HR can check it.",
    ),
    "event_id": ("事件编号", "Event id"),
    "serial": ("序列号", "Serial number"),
    "user_id": ("登记号码", "Device user id"),
    "device_time": ("设备时间", "Device clock"),
    "site_time": ("当地时间", "Site time"),
    "instant": ("UTC 时间", "Instant (UTC)"),
    "state": ("状态码", "State code"),
    "verify": ("验证码", "Verify code"),
    "work_code": ("工种码", "Work code"),
    "card": ("卡号", "Card"),
    "channel": ("来源", "Channel"),
    "ordinal": ("同秒序号", "Ordinal among equals"),
    "tag": ("计数点", "Counter"),
    "metric": ("计的是", "Counts"),
    "value": ("累计读数", "Cumulative value"),
    "boot_id": ("启动标识", "Boot id"),
    "seq": ("序号", "Sequence"),
    "reject_code": ("次品代码", "Reject code"),
    "badge": ("工牌", "Badge"),
    "quality": ("读数质量", "Reading quality"),
    "code": ("事件", "Event"),
    "zone": ("时区", "Zone"),
    "gateway": ("网关", "Gateway"),
    "batch": ("批次", "Batch"),
    "received_at": ("网关收到", "Received by the gateway"),
    "ingested_at": ("核心入库", "Stored by the core"),
    "clock_offset": ("设备钟差", "Device clock offset"),
    "offset_unknown": ("未测量", "not measured"),
    "offset_none": ("0 秒", "0 s"),
    "offset_ahead": ("快 {seconds} 秒", "{seconds} s ahead"),
    "offset_behind": ("慢 {seconds} 秒", "{seconds} s behind"),
    "nobody": ("没有对应的人", "nobody"),
    "all_of_day": ("当天全部打卡", "All punches of that day"),
    # errors: what happened, what to do
    "error_code": ("代码", "Code"),
    "bad_query": ("看不懂这个地址", "This address cannot be read"),
    "bad_query_what": ("参数 {name} 的值是“{value}”。", "The value of {name} is “{value}”."),
    "bad_query_do": ("请这样写:{name}={example}", "Write it like this: {name}={example}"),
    "not_found": ("没有这一页", "There is no such page"),
    "no_page_what": ("地址 {path} 没有内容。", "Nothing is at {path}."),
    "no_page_do": ("请从首页重新找起。", "Look again from the start page."),
    "no_run_what": ("没有编号为 {number} 的算薪。", "There is no pay run {number}."),
    "no_run_do": ("请在首页选择一次算薪。", "Choose a run on the start page."),
    "no_slip_what": (
        "算薪 #{number} 里没有工号 {person} 的工资条。",
        "Pay run #{number} has no payslip of {person}.",
    ),
    "no_slip_do": ("请从这次算薪的名单里选人。", "Choose a person from the list of that run."),
    "no_event_what": ("没有编号为 {event} 的原始记录。", "No raw event has the id {event}."),
    "no_event_do": (
        "请核对 32 位编号;记录可能在另一个数据库里。",
        "Check the 32 digits; the event may be in another database.",
    ),
    "not_this_machine": ("本页只能在这台机器上看", "This page is for this machine only"),
    "not_this_machine_what": (
        "核心没有对其他机器开放,工资数据不能给别的机器看。",
        "The core is not open to other machines, so pay data must not reach one.",
    ),
    "not_this_machine_do": (
        "请在这台机器上打开 http://localhost,或用 ssh -L 转发端口,或建账号后用 hr-core serve --allow-remote。",
        (
            "Open http://localhost on this machine, forward the port with ssh -L, or make accounts "
            "and use hr-core serve --allow-remote."
        ),
    ),
    "storage": ("数据库暂时读不了", "The database cannot be read now"),
    "storage_what": (
        "打卡没有丢:网关会保留并重发。",
        "No punch is lost: gateways keep and resend.",
    ),
    "storage_do": (
        "稍后刷新;若仍如此,请看 hr-core serve 的输出并检查磁盘。",
        "Reload later; if it stays, read what hr-core serve prints and check the disk.",
    ),
    # the foot
    "foot_zone": (
        "时间为 {zone} 当地时间(UTC{offset})。",
        "Times are local: {zone} (UTC{offset}).",
    ),
    "foot_made": ("本页生成于 {at}。", "Page made {at}."),
    "foot_login": ("尚无登录账号:仅限本机查看。", "No login yet: only on this machine."),
    **board_words.PHRASES,
    **attendance_words.PHRASES,
    **account_words.PHRASES,
    **pay_words.PHRASES,
    **compare_words.PHRASES,
    **performance_words.PHRASES,
    **scoring_words.PHRASES,
    **piece_words.PHRASES,
    **approval_words.PHRASES,
    **change_words.PHRASES,
}

CODES: dict[str, dict[str, _Both]] = {
    "role": account_words.ROLES,
    "direction": {
        "in": ("进", "In"),
        "out": ("出", "Out"),
        "break_out": ("休息出", "Break out"),
        "break_in": ("休息回", "Break in"),
        "overtime_in": ("加班进", "Overtime in"),
        "overtime_out": ("加班出", "Overtime out"),
        "unknown": ("未区分", "Not told"),
    },
    "method": {
        "fingerprint": ("指纹", "Fingerprint"),
        "face": ("人脸", "Face"),
        "palm": ("掌纹", "Palm"),
        "card": ("刷卡", "Card"),
        "password": ("密码", "Password"),
        "qr": ("二维码", "QR code"),
        "unknown": ("未区分", "Not told"),
    },
    "channel": {
        "pull": ("网关拉取", "Pulled"),
        "push": ("设备推送", "Pushed"),
        "live": ("实时", "Live"),
        "file": ("文件导入", "File import"),
        "manual": ("人工录入", "Entered by hand"),
    },
    "flag": {
        "repeat": ("重复", "Repeat"),
        "clock_suspect": ("设备钟可疑", "Clock suspect"),
        "future": ("时间在未来", "In the future"),
        "state_unknown": ("状态码不明", "Unknown state"),
        "fill_pattern": ("填充字节", "Fill pattern"),
        "gateway_clock_suspect": ("网关钟可疑", "Gateway clock suspect"),
        "baseline": ("首个读数", "Baseline"),
        "reset": ("计数归零", "Reset"),
        "ambiguous": ("归零或溢出", "Wrap or reset"),
        "restart": ("重启", "Restart"),
        "gap_exceeds_wrap": ("断档过长", "Gap exceeds wrap"),
        "jump": ("读数跳变", "Jump"),
        "implausible": ("读数不可信", "Implausible"),
        "held": ("待下一读数确认", "Waits for the next reading"),
        "torn_read_suspected": ("疑似读数撕裂", "Torn read suspected"),
        "late": ("迟到数据", "Late"),
        "replaced": ("已更换采集盒", "Box replaced"),
        "swap_suspected": ("疑似更换采集盒", "Swapped box suspected"),
        "piece_scanned_again": ("重复扫码,不计件", "Piece read before: not counted"),
    },
    "event_kind": {
        "punch": ("打卡", "Punch"),
        "count": ("计数读数", "Counter reading"),
        "device_event": ("设备事件", "Device event"),
    },
    "metric": {"pieces": ("件数", "Pieces"), "rejects": ("次品", "Rejects")},
    "quality": {
        "good": ("好", "Good"),
        "uncertain": ("存疑", "Uncertain"),
        "bad": ("坏", "Bad"),
    },
    "day_status": {
        "present": ("方向键矛盾", "Keys contradict the times"),
        "missing_in": ("缺上班卡", "Arriving punch missing"),
        "missing_out": ("缺下班卡", "Leaving punch missing"),
        "no_record": ("没有打卡(未证明缺勤)", "No punch (absence not proven)"),
        "waiting": ("等待考勤机数据", "Waiting for a device"),
        "absent": ("缺勤(数据已齐)", "Absent (devices complete)"),
        "unplanned": ("没有排班的打卡", "Punches without a planned shift"),
    },
    "day_effect": {
        "present": ("按打卡时间计薪", "Paid as the times stand"),
        "missing_in": ("澄清前不影响工资", "No effect on pay until clarified"),
        "missing_out": ("澄清前不影响工资", "No effect on pay until clarified"),
        "no_record": ("澄清前不影响工资", "No effect on pay until clarified"),
        "waiting": ("设备数据到齐前不影响工资", "No effect on pay until the device is read"),
        "absent": ("不扣基本工资", "The base pay is not lessened"),
        "unplanned": ("澄清前不影响工资", "No effect on pay until clarified"),
    },
    "fact": {
        **fact_words.FACTS,
        **piece_words.FACTS,
    },
    "fact_value": fact_words.VALUES,
    "operation": {
        "constant": ("给定", "given"),
        "minutes_of_days": ("各天分钟之和", "minutes of the days"),
        "pieces_of_work": ("件数之和", "pieces of the work"),
        "rejects_of_work": ("次品之和", "rejects of the work"),
        "product": ("相乘", "product"),
        "multiply_half_up": ("a × b ÷ c,四舍五入到分", "a × b ÷ c, half up to the fen"),
        "multiply_up": ("a × b ÷ c,进位到分", "a × b ÷ c, up to the fen"),
        "pieces_of_tallies": ("计件记录之和", "pieces of the tally rows"),
        "amount_of_lines": ("这些行之和", "sum of the lines"),
        "amount_of_entries": ("录入金额之和", "sum of the entered amounts"),
        "sum": ("相加", "sum"),
        "difference": ("a − 其余", "a less the others"),
        "smallest": ("取小", "the smallest"),
        "largest": ("取大", "the largest"),
    },
    **board_words.CODES,
    **attendance_words.CODES,
    **pay_words.CODES,
    **compare_words.CODES,
    **performance_words.CODES,
    **scoring_words.CODES,
    **approval_words.CODES,
    **change_words.CODES,
}

_WEEKDAYS: tuple[_Both, ...] = (
    ("周一", "Mon"),
    ("周二", "Tue"),
    ("周三", "Wed"),
    ("周四", "Thu"),
    ("周五", "Fri"),
    ("周六", "Sat"),
    ("周日", "Sun"),
)


class Words:
    """The catalogue in one language: `words("no_run", month="2026-10")`, `words.of("flag", code)`."""

    def __init__(self, language: Language) -> None:
        self.language = language
        self.other: Language = "en" if language == "zh" else "zh"
        self._at = LANGUAGES.index(language)

    def __call__(self, phrase: str, **values: object) -> str:
        return PHRASES[phrase][self._at].format(**values)

    def of(self, group: str, code: str) -> str:
        both = CODES[group].get(code)
        return code if both is None else both[self._at]

    def label(self, english: str, chinese: str) -> str:
        """Of a thing that the operator named in both languages; the Chinese name may be missing."""
        return chinese or english if self.language == "zh" else english

    def day(self, day: date) -> str:
        return f"{day.isoformat()} {_WEEKDAYS[day.weekday()][self._at]}"


def preferred_language(accept_language: str) -> Language:
    """What an Accept-Language header asks for first; zh when it names neither language."""
    best: tuple[float, Language] = (0.0, "zh")
    for part in accept_language[:200].split(","):  # browsers send under 100 characters
        name, _, quality = part.strip().partition(";q=")
        for language in LANGUAGES:
            weight = _weight(quality)
            if name.lower().split("-")[0] == language and weight > best[0]:
                best = (weight, language)
    return best[1]


def _weight(quality: str) -> float:
    """0 to 1; an unreadable one does not count."""
    if not quality:
        return 1.0
    digits = quality.strip().replace(".", "", 1)
    return min(float(quality), 1.0) if digits.isascii() and digits.isdigit() else 0.0
