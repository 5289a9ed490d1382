"""Makes the blocks that the channels of a test name, on the server of PREFECT_API_URL.

python make_blocks.py WEB_URL MAIL_ADDRESS
"""

import sys

from prefect.blocks.notifications import CustomWebhookNotificationBlock, SlackWebhook
from prefect.blocks.system import Secret


def main(web: str, mail: str) -> None:
    said = {"subject": "{{subject}}", "body": "{{body}}"}
    CustomWebhookNotificationBlock(name="sink", url=f"{web}hook", json_data=said).save("sink")
    SlackWebhook(url=web.replace("http:", "json:") + "chat").save("chat")
    Secret(value=mail).save("mail")
    Secret(value="json://127.0.0.1:9/a-secret-in-an-address").save("dead")  # nobody listens on port 9


if __name__ == "__main__":
    main(*sys.argv[1:])
