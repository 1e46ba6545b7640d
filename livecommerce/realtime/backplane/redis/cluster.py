"""placeholder"""

from livecommerce.realtime.backplane.redis.shards import ListedShards

ClusterShards = ListedShards
