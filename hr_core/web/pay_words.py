"""The words of the payslip and of the answers to it: a part of the catalogue in words.py."""

PHRASES: dict[str, tuple[str, str]] = {
    "net_pay": ("实发", "Net pay"),
    "law": ("法规", "Law"),
    "law_since": ("{since} 起", "from {since}"),
    "unverified_law": (
        "本市数据来自非官方来源,可能更正",
        "This city's figures are from an unofficial source and may be corrected",
    ),
    "from_lines": ("由这些行", "From these lines"),
    "entered_sums": ("录入的金额", "Entered sums"),
    "entered_by": ("{by} 录入,{approver} 批准", "entered by {by}, approved by {approver}"),
    "answer_slip": ("确认与异议", "Receipt and objections"),
    "confirm_received": ("确认收到", "Confirm receipt"),
    "receipt_means": (
        "只表示收到,不等于同意;签的是这张工资条的校验值 {digest}…",
        "Says only that you have it, not that you agree; signs this payslip's hash {digest}…",
    ),
    "received_on": ("{at} 已确认收到", "Receipt confirmed on {at}"),
    "object": ("我有异议…", "I object…"),
    "which_line": ("哪一行", "Which line"),
    "whole_slip": ("整张工资条", "The whole payslip"),
    "objection_reason": ("应该是怎样", "What should be different"),
    "send_objection": ("提交异议", "Send the objection"),
    "who_replies": (
        "由人事部门的另一个人答复;答复之前保持未结,沉默不等于同意。",
        "Somebody else in HR replies; it stays open until then, and silence is not agreement.",
    ),
    "objections": ("工资条异议", "Objections to payslips"),
    "no_objections": ("没有未答复的异议。", "No objection waits for a reply."),
    "open_objection": ("待答复", "Waits for a reply"),
    "reply": ("答复", "Reply"),
    "reply_accept": ("工资条有误,将更正", "The payslip is wrong and will be corrected"),
    "reply_reject": ("工资条无误", "The payslip is right"),
    "own_objection": ("本人提出,须由他人答复", "Your own: somebody else has to reply"),
    "act_refused": ("没有执行", "Not done"),
    "act_refused_what": ("{what}。", "{what}."),
    "act_refused_do": ("{remedy}。", "{remedy}."),
}
CODES: dict[str, dict[str, tuple[str, str]]] = {
    "law_status": {
        "official": ("官方", "official"),
        "secondary": ("转引", "secondary"),
        "unverified": ("未核实", "unverified"),
    },
    "side": {
        "earned": ("应发", "Earned"),
        "deducted": ("扣除", "Deducted"),
        "employer": ("公司另付", "Employer also paid"),
    },
    "verdict": {
        "accepted": ("工资条有误,将更正", "the payslip is wrong and will be corrected"),
        "rejected": ("工资条无误", "the payslip is right"),
    },
}
