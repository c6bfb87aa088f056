"""The settings in the help of the command line: in English as their fields say, in Chinese as said here."""

from typing import Final, NamedTuple

from services.commands.language import zh_en
from services.system.settings import Settings, is_secret, variable

CHINESE: Final = {
    "database_url": "PostgreSQL 服务器，postgresql://…；不填用 DATA 中内置的",
    "data": "内置 PostgreSQL 和密钥的文件夹",
    "host": "serve 监听的地址",
    "port": "serve 监听的端口；0 为任一空闲端口",
    "workers": "serve 中应答的进程数，各自在内存中持有台账",
    "dev": "同 --dev：不需登录，人人都有一切权限，只限本机",
    "api_keys_file": "谁可以调用接口（见 api-key）；不填为 DATA 中的 api-keys.json",
    "notices_file": "通知各单位的通道；不填为 DATA 中的 notices.json",
    "public_url": "浏览器所见的地址，如 https://ledger.example；不填则依请求而定",
    "oidc_issuer": "人员登录所用的 OpenID Connect 服务；不填为没有",
    "oidc_client_id": "本系统在登录服务上的客户端名",
    "oidc_client_secret": "该客户端的密钥，如有",
    "oidc_audience": "机器访问令牌的受众；不填则不收令牌",
    "quarantine_days": "含人员信息的字节在隔离区留存的天数",
    "session_idle_minutes": "人员多少分钟无请求，会话终止",
    "session_hours": "会话至多多少小时",
    "access_contact": "没有权限的人应写信给谁；不填则不写名",
    "url": "publish、rates 等命令所调用的服务",
    "metrics_token": "/metrics 要求的口令，Authorization: Bearer …；不填则谁都可读",
    "api_key": "这些命令所用的接口密钥",
    "log_key_file": "透明日志的私钥；不填为 DATA 中的 keys/log.key",
    "log_origin": "日志的来源标识；不填为密钥自身的名称",
    "backup_passphrase": "封存备份中密钥的口令，至少 12 个字符",
    "witnesses": "向谁送交日志的检查点：公钥 地址，以逗号分隔",
    "checkpoint_seconds": "两轮签署之间的秒数",
    "log_format": "运行日志的格式：console 或 json",
    "log_level": "从哪一级别起记录",
    "body_bytes_max": "一个请求体解压后至多多少字节",
    "batch_events_max": "经 HTTP 一批至多多少个事件",
    "body_seconds_max": "收完一个请求体至多多少秒",
    "head_bytes_max": "请求行和请求头至多多少字节",
    "head_seconds_max": "收完请求头至多多少秒",
    "send_seconds_max": "对方不再读取时，应答至多等多少秒",
    "idle_seconds_max": "连接至多空闲多少秒",
    "connections_max": "至多多少个连接；再多一个，等得最久的终止",
    "connections_of_one_max": "其中来自同一地址的至多多少个",
    "proxies": "自有反向代理的地址，以逗号分隔：相信其 X-Forwarded-For",
    "requests_at_once_max": "同时处理的请求至多多少个",
    "requests_of_one_max": "其中同一调用者（未知是谁时为同一地址）的至多多少个",
    "requests_for_operators": "其中为运维人员留出多少个",
    "streams_at_once_max": "同时至多多少个台账变更流",
    "streams_of_one_max": "其中同一调用者的至多多少个",
    "waits_at_once_max": "同时等待某一位置的读取至多多少个",
    "waits_of_one_max": "其中同一调用者的至多多少个",
    "requests_per_second": "同一调用者每秒至多多少个请求；0 为不限",
    "wait_seconds_max": "min_position 至多等多少秒",
    "kafka_bootstrap": "ingest 和 publish --kafka 所用的代理，host:port,…",
    "health_port": "ingest 和 relay 在 HOST 的哪个端口应答 /health/ready 和 /metrics",
    "kafka_topics": "ingest 读取的主题，以逗号分隔",
    "kafka_group": "ingest 所属的消费组",
    "kafka_security": "与代理通信的安全协议",
    "kafka_sasl_mechanism": "SASL 的认证机制",
    "kafka_sasl_username": "SASL 的用户名",
    "kafka_sasl_password": "SASL 的口令",
    "kafka_tls_ca_file": "签发代理证书的 CA",
    "kafka_tls_cert_file": "本系统的客户端证书",
    "kafka_tls_key_file": "该证书的私钥",
    "kafka_ledger_topic": "relay 发布台账变化的主题",
    "kafka_reminder_topic": "措施的提醒发往的主题",
    "kafka_dead_letter_topic": "relay 抄送被隔离的消息及其原因的主题",
}


class Described(NamedTuple):
    """A setting: its variable, its default, what it is in the shell's language."""

    variable: str
    default: str
    text: str


def described() -> list[Described]:
    """Every setting, in order; where a file may hold it, the text says so."""
    found = []
    for name, of in Settings.model_fields.items():
        text = zh_en(CHINESE[name], of.description or "")
        if is_secret(of):
            text += zh_en(f"（或存于文件：{variable(name)}_FILE）", f" (or in a file: {variable(name)}_FILE)")
        found.append(Described(variable(name), str(of.default or ""), text))
    return found
