"""What no runbook runs: a line for each other command that asks something of AWS, to see what it asks."""

from __future__ import annotations

_LINES = """\
orderctl orders submit --order-id chore-1 --product-id widget-1 --quantity 1 --watch
orderctl orders trace chore-1

orderctl config show --refresh
orderctl doctor
orderctl top --once
orderctl auth login --username demo --password-file ~/.local/state/orderctl/local/demo-user.password
orderctl users create --user-id chore --email chore@example.com --name Chore
orderctl users get chore
printf 'user_id,email,name\\nchore-2,c@example.com,C\\n' | orderctl users import - --format csv
orderctl orders submit --order-id chore-2 --product-id widget-1 --quantity 1 --express
orderctl orders submit --order-id chore-3 --product-id widget-1 --quantity 1 --via event
orderctl orders submit --order-id chore-4 --product-id sold-out --quantity 1 --watch
orderctl orders redrive chore-4 --yes
orderctl orders list --type express
orderctl orders list --error OutOfStock
orderctl orders tail --since 5m --timeout 1s
orderctl orders graph chore-1
orderctl orders logs chore-1
orderctl events tail --max 1 --timeout 2s
orderctl events replay --list
printf 'product_id,quantity\\nchore,5\\n' > chore.csv
orderctl inventory seed chore.csv
orderctl inventory seed chore.csv --mode upsert --yes
orderctl inventory seed chore.csv --mode add --seed-id chore
orderctl inventory seed chore.csv --mode exact --yes
orderctl inventory adjust chore --by 1
orderctl inventory adjust chore --by 1 --dry-run
orderctl inventory export chore-stock.csv

orderctl local drill eventbridge-target --queue orders-local-analytics-target-dlq --order-id chore-5
orderctl dlq export orders-local-analytics-target-dlq --file chore-letters.jsonl
orderctl dlq purge orders-local-analytics-target-dlq --confirm orders-local-analytics-target-dlq --all-at-once
orderctl dlq restore chore-letters.jsonl --yes
orderctl dlq redrive orders-local-analytics-target-dlq --yes
orderctl dlq tasks

orderctl local drill eventbridge-target --queue orders-local-send-email-target-dlq --order-id chore-6
orderctl dlq redrive orders-local-send-email-target-dlq --engine distributed --yes
printf 'order_id,user_id,product_id,quantity\\nchore-7,ann,widget-1,1\\n' > chore-orders.csv
orderctl orders submit --batch chore-orders.csv --engine distributed

orderctl stack status
orderctl stack outputs
orderctl config init chores --endpoint-url "$LOCAL_ENDPOINT" --region us-east-1 --stack chores
orderctl config set local true --env chores
orderctl stack deploy --env chores --parameter EventBusName=chores --yes
orderctl stack destroy --env chores --confirm chores
"""
GROUPS = [group.splitlines() for group in _LINES.split("\n\n")]
"""They need nothing of one another, and are run side by side, but for the first: a trace looks into every queue, and
hides what it finds from whoever looks at the same time."""
