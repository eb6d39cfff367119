"""Words of login, set-up and the own account: (zh, en), as in words.py."""

PHRASES: dict[str, tuple[str, str]] = {
    "login": ("登录", "Log in"),
    "idle_closes": (
        "没有操作满 {minutes} 分钟,这一页就关闭并退出登录。",
        "Without a touch for {minutes} minutes this page closes and logs out.",
    ),
    "idle_stay": ("我还在", "I am still here"),
    "logout": ("退出登录", "Log out"),
    "account": ("账号", "Account"),
    "login_name": ("账号名", "Login name"),
    "password": ("密码", "Password"),
    "have_code": ("有设置码?设置密码", "You have a set-up code? Set your password"),
    "have_password": ("已有密码?登录", "You have a password? Log in"),
    "forgotten": (
        "忘记密码:请管理账号的人发一个设置码(hr-core account password 账号名 --code)。",
        (
            "Forgotten? Whoever manages accounts can give you a set-up code "
            "(hr-core account password NAME --code)."
        ),
    ),
    "setup": ("设置密码", "Set your password"),
    "setup_code": ("设置码", "Set-up code"),
    "password_now": ("现在的密码", "Present password"),
    "password_new": ("新密码", "New password"),
    "password_again": ("再输入一次新密码", "New password once more"),
    "password_change": ("修改密码", "Change the password"),
    "password_save": ("保存密码", "Save the password"),
    "password_rules": (
        "{least} 到 {most} 个字符;一句话最好记。",
        "{least} to {most} characters; a sentence is good.",
    ),
    "must_change": (
        "请先设置自己的新密码,然后才能看其他页面。",
        "Choose a password of your own first; then the other pages open.",
    ),
    "roles": ("角色", "Roles"),
    "own_person": ("本人工号", "Own number"),
    "own_slips": ("我的工资条", "My payslips"),
    "no_slips": ("还没有工资条。", "There is no payslip yet."),
    "logged_in_as": ("当前账号:{name}。", "Logged in as {name}."),
    "login_refused": (
        "账号名或密码不对。请再输入一次。",
        "Name or password is wrong. Type both again.",
    ),
    "code_refused": (
        "设置码不对、已用过或已过期。请索取新的设置码。",
        "This set-up code is wrong, used or over. Ask for a new one.",
    ),
    "login_wait": (
        "失败次数太多:请 {seconds} 秒后再试。",
        "Too many failures: try again in {seconds} s.",
    ),
    "password_differs": ("两次输入的新密码不一致。", "The two new passwords are not the same."),
    "password_short": (
        "新密码少于 {least} 个字符。",
        "The new password has less than {least} characters.",
    ),
    "password_long": (
        "新密码多于 {most} 个字符。",
        "The new password has more than {most} characters.",
    ),
    "password_name": (
        "新密码和账号名太像。",
        "The new password is little more than the login name.",
    ),
    "password_common": (
        "新密码太常见,容易被猜到。",
        "The new password is one of the first that are guessed.",
    ),
    "wall_refused": ("这块屏幕的令牌无效", "This screen's token is not good"),
    "wall_refused_what": (
        "地址里的令牌不对、已过期、已撤销,或不是看板专用的令牌。",
        "The token in the address is unknown, over, revoked, or not one for a wall board.",
    ),
    "wall_refused_do": (
        "请重新生成:hr-core token create 账号名 --scope board:wall,再打开它打印的地址。",
        "Make one with hr-core token create NAME --scope board:wall and open the address it prints.",
    ),
    "not_for_you": ("这个账号不能看这一页", "This page is not for your account"),
    "not_for_you_what": (
        "这一页需要另外的角色。",
        "The page needs another role.",
    ),
    "not_for_you_do": (
        "打开“账号”看自己的内容,或请管理账号的人调整角色。",
        "Open Account for what is yours, or ask whoever manages accounts.",
    ),
    "no_account": ("还没有账号", "There is no account yet"),
    "no_account_what": (
        "核心已对其他机器开放,所以没有账号就不能看页面。",
        "The core is open to other machines, so pages need an account.",
    ),
    "no_account_do": (
        "在核心上运行:hr-core account add 账号名 --role admin",
        "On the core: hr-core account add NAME --role admin",
    ),
}

ROLES: dict[str, tuple[str, str]] = {
    "admin": ("管理员", "Administrator"),
    "hr": ("人事", "HR"),
    "manager": ("主管", "Manager"),
    "worker": ("员工", "Worker"),
    "auditor": ("审计", "Auditor"),
}
