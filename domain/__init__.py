"""The rules of Taizhang: facts, codes, the fold, the policy, the rates. Pure, no I/O, no clock."""
