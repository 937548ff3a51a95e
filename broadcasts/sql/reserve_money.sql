-- reserve_money · takes from the broadcast's budget, or changes nothing when it is not there any more
UPDATE broadcasts_budget
SET reserved_micro = reserved_micro + %(micro)s
WHERE broadcast_id = %(broadcast_id)s AND reserved_micro + %(micro)s <= ceiling_micro
