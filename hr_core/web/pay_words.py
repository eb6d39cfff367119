"""The words of the payslip and of the answers to it: a part of the catalogue in words.py."""

PHRASES: dict[str, tuple[str, str]] = {
    "net_pay": ("实发", "Net pay"),
    "not_explained_to_you": (
        "您的账号看不到这一行的计算过程",
        "How this line is computed is not shown to your account",
    ),
    "rounding": ("取整", "Rounding"),
    "rests_on": ("依据", "Rests on"),
    "calculation_record": ("计算记录(供核对)", "Calculation record, for checking"),
    "other_lines": ("其他项目", "Other lines"),
    "agreed": (
        "{since} 起,{by} 录入,{approver} 批准",
        "from {since}, entered by {by}, approved by {approver}",
    ),
    "trial_is_no_slip": (
        "还没有人批准:这不是任何人的工资条",
        "Nobody approved it: this is nobody's payslip yet",
    ),
    "run_taken_back": (
        "整次算薪已撤回,这张工资条不再有效",
        "The whole run was taken back: this payslip no longer counts",
    ),
    "counts_now": ("现在有效的:#{number}", "What counts now: #{number}"),
    "slip_taken_back": (
        "这张工资条已撤回。有效的是第 {version} 版,实发 {net}",
        "This payslip was taken back. Version {version} counts, net pay {net}",
    ),
    "see_version": ("看第 {version} 版", "See version {version}"),
    "slip_version": ("第 {version} 版", "Version {version}"),
    "this_counts": ("有效", "This one counts"),
    "taken_back_too": ("也已撤回", "Taken back too"),
    "version_difference": (
        "实发 {before} → {after},差 {difference}",
        "Net pay {before} → {after}, difference {difference}",
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
    "run_state": {
        "computed": ("试算", "Trial"),
        "submitted": ("已提交,等待批准", "Submitted, waits for approval"),
        "approved": ("已批准", "Approved"),
        "paid": ("已发放", "Paid"),
        "reversed": ("已撤回", "Taken back"),
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
